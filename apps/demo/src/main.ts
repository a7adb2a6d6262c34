#!/usr/bin/env node
/** The whole demo: `node dist/main.js [transports…]`. */
import { ScenarioError, createStyle, isColored } from '@asyncmcp/demo-client';
import { Command } from 'commander';
import { createStage } from './stage.js';
import { TRANSPORTS } from './transports.js';
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
  for (const transport of chosen) {
    if (!(await passes(transport, stop.signal, verbose))) return stop.signal.aborted ? 130 : 1;
  }
  return 0;
}

async function passes(
  { name, title, run }: DemoTransportEntry,
  signal: AbortSignal,
  verbose: boolean,
): Promise<boolean> {
  const style = createStyle(isColored(process.stdout));
  const stage = createStage({ style, signal, verbose });
  const startedAt = performance.now();
  const seconds = (): string => `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
  stage.print('');
  stage.print(style.strong(`MCP over ${title}`));
  stage.print('');
  try {
    await run(stage);
    stage.print('');
    stage.print(`${style.good('✓')} ${style.strong(`${name} passed`)} in ${seconds()}`);
    return true;
  } catch (error) {
    stage.print('');
    // The report has named the step and the reason.
    const where = error instanceof ScenarioError ? ` at "${error.step}"` : '';
    stage.print(`${style.bad('✗')} ${style.strong(`${name} failed${where}`)} after ${seconds()}`);
    if (where === '') console.error(error);
    return false;
  }
}

process.exitCode = await main(program.args, program.opts<{ verbose: boolean }>().verbose);
