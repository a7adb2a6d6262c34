/** The command: `node dist/main.js [transport …] [--quick] [--json <file>]`. */
import { writeFile } from 'node:fs/promises';
import { USAGE, parseArguments } from './arguments.js';
import { environment, renderEnvironment } from './environment.js';
import { fromRoot } from './from-root.js';
import { passed } from './report.js';
import { writeResults } from './results.js';
import { FULL, QUICK } from './settings.js';
import { renderReport } from './table.js';
import { BENCHMARKS } from './transports.js';
import type { Arguments } from './arguments.js';
import type { Report } from './report.js';

/** The SDK warns each process of the Node versions that it will not support some day; children have it from here. */
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';

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
    // After each: it takes long, and what is measured is measured.
    if (json !== undefined) {
      const results = { startedAt, quick, machine, passed: passed(reports), reports };
      await writeFile(fromRoot(json), writeResults(results));
    }
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
