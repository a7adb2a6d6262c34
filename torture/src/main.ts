#!/usr/bin/env node
/** The torture rack as a command: `pnpm torture [transport …] [--minutes N] [--calls N] [--seed S] [--json FILE]`. */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { torture } from './rack.js';
import { isHeld } from './summary.js';
import { startAwsSystem } from './systems/aws.js';
import { startHttpSystem } from './systems/http.js';
import { printed } from './report.js';
import type { RackPlan } from './rack.js';
import type { Summary } from './summary.js';
import type { System } from './system.js';

const SYSTEMS: Readonly<Record<string, () => Promise<System>>> = {
  sqs: () => startAwsSystem('sqs'),
  'sns-sqs': () => startAwsSystem('sns-sqs'),
  webhook: () => startHttpSystem('webhook'),
  'streamable-webhook': () => startHttpSystem('streamable-webhook'),
};

const HELP = `Usage: pnpm torture [transport …] [options]

Runs servers, clients and every fault at once, and says what became of every call.
Exits with 0 when none was lost and none answered twice or wrongly.

Transports: ${Object.keys(SYSTEMS).join(', ')} (default: all)

  --minutes <number>  how long calls are made for, with each transport (default 1)
  --calls <number>    at least so many, however long that takes (default 0)
  --seed <number>     what goes wrong when: the same for the same seed (default: any)
  --only <regex>      which faults there are, by their names (default: all)
  --json <file>       writes all figures down
`;

process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string', default: '1' },
    calls: { type: 'string', default: '0' },
    seed: { type: 'string' },
    only: { type: 'string', default: '' },
    json: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
});

async function main(): Promise<number> {
  const names = positionals.length > 0 ? positionals : Object.keys(SYSTEMS);
  const unknown = names.find((name) => SYSTEMS[name] === undefined);
  const seed = values.seed === undefined ? Math.floor(Math.random() * 1_000_000) : Number(values.seed);
  const [minutes, calls] = [Number(values.minutes), Number(values.calls)];
  if (values.help === true || unknown !== undefined || ![seed, minutes, calls].every((one) => one >= 0)) {
    console.log(HELP);
    return values.help === true ? 0 : 2;
  }
  const plan: RackPlan = {
    seed,
    durationMs: minutes * 60_000,
    minCalls: calls,
    servers: 3,
    callers: 12,
    inFlight: 4,
    only: new RegExp(values.only),
  };
  const summaries: Summary[] = [];
  for (const name of names) {
    const start = SYSTEMS[name];
    if (start === undefined) continue;
    console.log(`${name}: seed ${seed} …`);
    const summary = await torture(await start(), plan, (text) => console.log(`${name}: ${text}`));
    console.log(printed(summary));
    summaries.push(summary);
  }
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(summaries, undefined, 2)}\n`);
  return summaries.every(isHeld) ? 0 : 1;
}

process.exitCode = await main();
