/** The command: `node dist/main.js [transport …] [--quick] [--json <file>]`. */
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { USAGE, parseArguments } from './arguments.js';
import { environment, renderEnvironment } from './environment.js';
import { passed } from './report.js';
import { FULL, QUICK } from './settings.js';
import { renderReport } from './table.js';
import { BENCHMARKS } from './transports.js';
import type { Arguments } from './arguments.js';
import type { Report } from './report.js';

async function main({ quick, json, transports }: Arguments): Promise<void> {
  const machine = environment();
  const startedAt = new Date();
  console.log(renderEnvironment(machine));
  const reports: Report[] = [];
  for (const [name, benchmark] of Object.entries(BENCHMARKS)) {
    if (!transports.includes(name)) continue;
    const report = await benchmark(quick ? QUICK : FULL, (what) => console.log(`${name}: ${what} …`));
    console.log(`\n${renderReport(report, !quick)}`);
    reports.push(report);
  }
  if (json !== undefined) {
    // pnpm runs this in its own folder; INIT_CWD is where the command was given.
    const file = resolve(process.env['INIT_CWD'] ?? '.', json);
    await writeFile(
      file,
      `${JSON.stringify({ startedAt, quick, machine, passed: passed(reports), reports }, null, 2)}\n`,
    );
  }
  if (quick) console.log('A smoke run judges nothing; run it without --quick.');
  else if (!passed(reports)) process.exitCode = 1;
}

try {
  const parsed = parseArguments(process.argv.slice(2), Object.keys(BENCHMARKS));
  if (parsed.help) console.log(USAGE);
  else await main(parsed);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
