/**
 * The command: `node dist/figures/main.js [results.json]`. Puts the results of a benchmark into the documentation: tables, charts, and
 * the results themselves, from which it makes the rest again when it is given none.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { readResults } from '../results.js';
import { ROOT, fromRoot } from '../from-root.js';
import { documentation } from './documentation.js';

const KEPT = 'docs/performance.json';

try {
  const [file] = process.argv.slice(2).filter((arg) => arg !== '--');
  const results = readResults(await readFile(fromRoot(file ?? KEPT), 'utf8'));
  if (results.quick)
    throw new Error('These are the results of a smoke run, which mean nothing: run it without --quick.');
  for (const [path, text] of Object.entries(await documentation(results, ROOT))) {
    await writeFile(new URL(path, ROOT), text);
    console.log(path);
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
