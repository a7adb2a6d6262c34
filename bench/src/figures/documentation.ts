import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { writeResults } from '../results.js';
import { THEMES, throughputChart } from './chart.js';
import { fillBlocks } from './blocks.js';
import { barsTable, machineText, summaryTable, transportTables } from './markdown.js';
import type { Results } from '../results.js';

const DOCUMENTS = ['README.md', 'docs/performance.md'];

/**
 * The files of the documentation that have figures in them, as they should be: by path from the root.
 *
 * @param root - where the documents are read from
 */
export async function documentation(results: Results, root: URL): Promise<Record<string, string>> {
  const kept = { ...results, reports: results.reports.map(withoutDetails) };
  const files: Record<string, string> = {
    'docs/performance.json': await pretty(writeResults(kept), 'docs/performance.json', root),
    'docs/performance-light.svg': await throughputChart(results, THEMES.light),
    'docs/performance-dark.svg': await throughputChart(results, THEMES.dark),
  };
  const texts = textsOf(results);
  for (const path of DOCUMENTS) {
    const markdown = await readFile(new URL(path, root), 'utf8');
    files[path] = await pretty(fillBlocks(markdown, texts), path, root);
  }
  return files;
}

function textsOf(results: Results): Record<string, string> {
  return {
    machine: machineText(results),
    summary: summaryTable(results),
    bars: barsTable(results),
    ...Object.fromEntries(results.reports.map((report) => [report.transport, transportTables(report)])),
  };
}

/** The single rounds fill most of the file, and are of use to who measures, not to who reads. */
function withoutDetails({ sections, ...report }: Results['reports'][number]): Results['reports'][number] {
  return { ...report, sections: sections.map(({ details: _rounds, ...section }) => section) };
}

async function pretty(text: string, path: string, root: URL): Promise<string> {
  const filepath = fileURLToPath(new URL(path, root));
  return format(text, { ...(await resolveConfig(filepath)), filepath });
}
