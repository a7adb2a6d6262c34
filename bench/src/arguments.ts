import { parseArgs } from 'node:util';

export interface Arguments {
  readonly help: boolean;
  readonly quick: boolean;
  /** Where to write the results as JSON. */
  readonly json: string | undefined;
  /** Names of transports; all if there are none. */
  readonly transports: readonly string[];
}

export const USAGE = `Usage: pnpm bench [transport …] [--quick] [--json <file>]

Compares this project with the same work done by hand, side by side: over AWS on one emulator, over HTTP on loopback.
Transports: sqs, sns-sqs, webhook, streamable-webhook. Without one: all.

  --quick         a smoke run: shows that everything works, judges nothing
  --json <file>   writes the results for machines; relative to the root
  --help

The exit code is 1 when a bar is missed.
`;

/** @throws Error that says what is wrong */
export function parseArguments(args: readonly string[], known: readonly string[]): Arguments {
  const { values, positionals } = parseArgs({
    // pnpm and turbo hand their own separator on.
    args: args.filter((arg) => arg !== '--'),
    allowPositionals: true,
    options: { quick: { type: 'boolean' }, json: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
  });
  const unknown = positionals.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`There is no benchmark of "${unknown}"; there is: ${known.join(', ')}.`);
  return {
    help: values.help === true,
    quick: values.quick === true,
    json: values.json,
    transports: positionals.length > 0 ? positionals : known,
  };
}
