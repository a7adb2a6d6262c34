#!/usr/bin/env node
/** The demo's MCP client as a command, over SQS, SNS and SQS, webhooks, or Streamable HTTP with webhooks: `node dist/main.js --help`. */
import { isAsyncMcpError } from '@asyncmcp/core';
import { createCommand, forgetEmptyVariables, unusedQueue } from './command.js';
import { MissingFlagsError, openClient } from './open-client.js';
import { ScenarioError, runScenario } from './scenario.js';
import { wrap } from './shell/layout.js';
import { openShell } from './shell/open-shell.js';
import { createStyle, isColored } from './style.js';
import { Trace } from './trace.js';
import type { Flags } from './command.js';

// The AWS SDK's notice on Node 20, true as it is, would stand in the middle of the report.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

const command = createCommand();
forgetEmptyVariables(command, process.env);
command.parse();

/** Not to stdout, which may be a script's to read. */
function warn(text: string): void {
  const width = process.stderr.isTTY ? process.stderr.columns : Infinity;
  console.error(wrap(`Warning: ${text}`, width).join('\n'));
}

/** Resolves with the exit code. */
async function main(flags: Flags): Promise<number> {
  const { scenario, timeout, pageUrl } = flags;
  const unused = unusedQueue(command);
  if (unused !== undefined) warn(unused);
  const trace = new Trace({ countsOnly: !scenario });
  const { close, ...side } = await openClient(flags, trace);
  const stop = new AbortController();
  // Not once: Ctrl-C under a task runner arrives twice, and the temporary queue is still to be deleted.
  for (const event of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(event, () => stop.abort('interrupted'));
  // Whoever read the output has enough of it, or the terminal is gone.
  process.stdout.on('error', () => stop.abort('nobody reads the output'));
  const options = {
    trace,
    style: createStyle(isColored(process.stdout)),
    timeoutMs: timeout * 1000,
    signal: stop.signal,
  };
  try {
    if (!scenario) return await openShell({ ...options, side });
    const page = pageUrl === undefined ? undefined : { url: pageUrl };
    await runScenario({ ...side, ...options, page, print: (line) => console.log(line) });
    return 0;
  } finally {
    await close();
  }
}

try {
  process.exitCode = await main(command.opts<Flags>());
} catch (error) {
  // The report has named the step and the reason.
  if (error instanceof ScenarioError) process.exitCode = 1;
  else if (error instanceof MissingFlagsError) command.error(error.message, { exitCode: 2 });
  else if (isAsyncMcpError(error)) command.error(`${error.code}: ${error.message}`);
  else throw error;
}
