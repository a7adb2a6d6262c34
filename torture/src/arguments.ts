import { parseArgs } from 'node:util';

export interface Arguments {
  readonly help: boolean;
  /** Names of transports; all if there are none. */
  readonly transports: readonly string[];
  readonly minutes: number;
  readonly calls: number;
  readonly seed: number;
  readonly only: RegExp;
  /** Where to write the figures as JSON. */
  readonly json: string | undefined;
}

/** @throws Error that says what is wrong */
export function parseArguments(args: readonly string[], known: readonly string[], anySeed: number): Arguments {
  const { values, positionals } = parseArgs({
    // pnpm and turbo hand their own separator on.
    args: args.filter((arg) => arg !== '--'),
    allowPositionals: true,
    options: {
      minutes: { type: 'string', default: '1' },
      calls: { type: 'string', default: '0' },
      seed: { type: 'string', default: String(anySeed) },
      only: { type: 'string', default: '' },
      json: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  const unknown = positionals.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`There is no transport "${unknown}"; there is: ${known.join(', ')}.`);
  const numberOf = (option: 'minutes' | 'calls' | 'seed'): number => {
    const value = values[option].trim() === '' ? Number.NaN : Number(values[option]);
    if (Number.isFinite(value) && value >= 0) return value;
    throw new Error(`--${option} is a number, 0 or more, not "${values[option]}".`);
  };
  return {
    help: values.help === true,
    transports: positionals.length > 0 ? positionals : known,
    minutes: numberOf('minutes'),
    calls: numberOf('calls'),
    seed: numberOf('seed'),
    only: regularExpression(values.only),
    json: values.json,
  };
}

/** What does it again, with one transport. */
export function commandOf(transport: string, { minutes, calls, seed, only }: Arguments): string {
  const flags = [`--minutes ${minutes}`, ...(calls > 0 ? [`--calls ${calls}`] : []), `--seed ${seed}`];
  const quoted = `'${only.source.replaceAll("'", String.raw`'\''`)}'`;
  return ['pnpm torture', transport, ...flags, ...(isAll(only) ? [] : [`--only ${quoted}`])].join(' ');
}

function isAll({ source }: RegExp): boolean {
  return source === new RegExp('').source;
}

function regularExpression(source: string): RegExp {
  try {
    return new RegExp(source);
  } catch (error) {
    throw new Error(`--only is a regular expression: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}
