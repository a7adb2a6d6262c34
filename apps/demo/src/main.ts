#!/usr/bin/env node
/** The whole demo: `node dist/main.js [transports…]`. */
import { isDeepStrictEqual } from 'node:util';
import { ScenarioError, createStyle, isColored } from '@asyncmcp/demo-client';
import { Command } from 'commander';
import { overviewLines } from './overview.js';
import { startPageServer } from './page-server.js';
import { createStage } from './stage.js';
import { TRANSPORTS } from './transports.js';
import type { Run } from './overview.js';
import type { PageServer } from './page-server.js';
import type { StageOptions } from './stage.js';
import type { DemoTransportEntry } from './transports.js';

// The AWS SDK's notice on Node 20, true as it is, would stand in the middle of the report.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

const NAMES = TRANSPORTS.map(({ name }) => name).join(', ');

const program = new Command('demo')
  .description('Runs the demo server and the demo client over each transport, and checks everything. Needs no AWS.')
  .argument('[transports...]', `which ones: ${NAMES} (default: all)`)
  .option('-v, --verbose', 'also show what the server prints', false)
  .parse();

async function main(names: readonly string[], verbose: boolean): Promise<number> {
  const unknown = names.filter((name) => !TRANSPORTS.some((transport) => transport.name === name));
  if (unknown.length > 0) {
    console.error(`Unknown transport: ${unknown.join(', ')}. There are: ${NAMES}.`);
    return 2;
  }
  const stop = new AbortController();
  // Not once: Ctrl-C under a task runner arrives twice, and there is a server to be stopped.
  for (const event of ['SIGINT', 'SIGTERM']) process.on(event, () => stop.abort('interrupted'));
  const chosen = TRANSPORTS.filter(({ name }) => names.length === 0 || names.includes(name));
  const style = createStyle(isColored(process.stdout));
  const runs: Run[] = [];
  for (const transport of chosen) {
    const run = await show(transport, { style, signal: stop.signal, verbose });
    runs.push(run);
    if (run.totals === undefined) break;
  }
  if (runs.length > 1) {
    console.log(`\n${style.strong('Overview')}\n`);
    for (const line of overviewLines(runs, style)) console.log(line);
  }
  if (runs.every(({ totals }) => totals !== undefined)) return 0;
  return stop.signal.aborted ? 130 : 1;
}

async function show(transport: DemoTransportEntry, options: Omit<StageOptions, 'page'>): Promise<Run> {
  const { name, title, run } = transport;
  const { style } = options;
  const page = await startPageServer();
  const stage = createStage({ ...options, page });
  const startedAt = performance.now();
  const elapsedMs = (): number => performance.now() - startedAt;
  const seconds = (): string => `${(elapsedMs() / 1000).toFixed(1)} s`;
  stage.print('');
  stage.print(style.strong(`MCP over ${title}`));
  stage.print('');
  stage.fact('page', `${page.url}, of this process`);
  try {
    const totals = await run(stage);
    checkAsked(page);
    stage.print('');
    stage.print(`${style.good('✓')} ${style.strong(`${name} passed`)} in ${seconds()}`);
    return { transport, totals, elapsedMs: elapsedMs() };
  } catch (error) {
    stage.print('');
    // The report has named the step and the reason.
    const where = error instanceof ScenarioError ? ` at "${error.step}"` : '';
    stage.print(`${style.bad('✗')} ${style.strong(`${name} failed${where}`)} after ${seconds()}`);
    if (where === '') console.error(error);
    return { transport, totals: undefined, elapsedMs: elapsedMs() };
  } finally {
    await page.close();
  }
}

/** Once by `fetch`, once by `analyze`: a call that came twice would be seen here. */
function checkAsked({ askedBy }: PageServer): void {
  const expected = ['asyncmcp-demo-server', 'asyncmcp-demo-server'];
  if (!isDeepStrictEqual(askedBy, expected)) throw new Error(`The page was asked for by ${askedBy.join(', ')}.`);
}

process.exitCode = await main(program.args, program.opts<{ verbose: boolean }>().verbose);
