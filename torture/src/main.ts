#!/usr/bin/env node
/** The torture rack as a command: `pnpm torture [transport …] [--minutes N] [--calls N] [--seed S] [--only REGEX] [--json FILE]`. */
import { writeFile } from 'node:fs/promises';
import { commandOf, parseArguments } from './arguments.js';
import { fromRoot } from './from-root.js';
import { torture } from './rack.js';
import { printed } from './report.js';
import { isHeld } from './summary.js';
import { startAwsSystem } from './systems/aws.js';
import { startHttpSystem } from './systems/http.js';
import type { Arguments } from './arguments.js';
import type { Summary } from './summary.js';
import type { System } from './system.js';

const SYSTEMS: Readonly<Record<string, () => Promise<System>>> = {
  sqs: () => startAwsSystem('sqs'),
  'sns-sqs': () => startAwsSystem('sns-sqs'),
  webhook: () => startHttpSystem('webhook'),
  'streamable-webhook': () => startHttpSystem('streamable-webhook'),
};

const HELP = `Usage: pnpm torture [transport …] [options]

Runs servers, clients and every fault at once, each in a process of its own that is
killed, and says what became of every call.
Exits with 0 when none was lost, none answered twice or wrongly, none ran again
without a cause, and no server ended by itself.

Transports: ${Object.keys(SYSTEMS).join(', ')} (default: all)

  --minutes <number>  how long calls are made for, with each transport (default 1)
  --calls <number>    at least so many, however long that takes (default 0)
  --seed <number>     what goes wrong when: the same for the same seed (default: any)
  --only <regex>      which faults there are, by their names (default: all)
  --json <file>       writes all figures down; relative to the root
`;

process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

async function main(): Promise<number> {
  let given: Arguments;
  try {
    given = parseArguments(process.argv.slice(2), Object.keys(SYSTEMS), Math.floor(Math.random() * 1_000_000));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
    return 2;
  }
  if (given.help) {
    console.log(HELP);
    return 0;
  }
  const summaries: Summary[] = [];
  for (const name of given.transports) {
    const start = SYSTEMS[name];
    if (start !== undefined) summaries.push(await run(name, start, given));
  }
  if (given.json !== undefined) await writeFile(fromRoot(given.json), `${JSON.stringify(summaries, undefined, 2)}\n`);
  return summaries.every(isHeld) ? 0 : 1;
}

async function run(name: string, start: () => Promise<System>, given: Arguments): Promise<Summary> {
  const { seed, minutes, calls, only } = given;
  console.log(`${name}: seed ${seed} …`);
  const summary = await torture(
    await start(),
    {
      seed,
      durationMs: minutes * 60_000,
      minCalls: calls,
      servers: 3,
      clients: 3,
      callers: 4,
      inFlight: 4,
      only,
      again: commandOf(name, given),
    },
    (text) => console.log(`${name}: ${text}`),
  );
  console.log(printed(summary));
  return summary;
}

process.exitCode = await main();
