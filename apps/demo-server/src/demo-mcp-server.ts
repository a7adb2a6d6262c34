import { setTimeout as sleep } from 'node:timers/promises';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { z } from 'zod';
import { Calls, sendProgress, textResult } from './calls.js';
import type { SessionInfo } from '@asyncmcp/core';
import type { RegisteredTool } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { Log, ToolExtra } from './calls.js';

/** Sends a notification to every client, of whatever session. */
export type Broadcast = (notification: { method: string; params: Record<string, unknown> }) => Promise<void>;

export interface DemoMcpServerOptions {
  /** Told in a line what happens in the session. Default: silent. */
  readonly log?: Log | undefined;
  /** For transports that can; adds the tool `announce`. */
  readonly broadcast?: Broadcast | undefined;
  /** Given each tool that takes its time, where a transport treats those in another way. */
  readonly markSlow?: ((tool: RegisteredTool) => unknown) | undefined;
}

/** How long `count_words` takes for a sentence, and `wait` between two reports, in milliseconds. */
const STEP_MS = 100;

/**
 * The MCP server of one session. Nothing in it knows of queues: it is what any `McpServer` of the SDK is, and each
 * transport runs it as it is.
 */
export function createDemoMcpServer(
  session: SessionInfo,
  { log = () => {}, broadcast, markSlow = () => {} }: DemoMcpServerOptions = {},
): McpServer {
  // The specification wants the capability of whoever sends notifications/message, which is what `announce` broadcasts.
  const capabilities = broadcast === undefined ? {} : { logging: {} };
  const server = new McpServer({ name: 'asyncmcp-demo-server', version: '1.0.0' }, { capabilities });
  const calls = new Calls(log);

  server.registerTool(
    'greet',
    { description: 'Greets somebody, at once.', inputSchema: { name: z.string() } },
    ({ name }, extra) => calls.run('greet', extra, async () => textResult(`Hello, ${name}!`)),
  );

  const countWordsTool = server.registerTool(
    'count_words',
    { description: 'Counts words, slowly; reports each sentence.', inputSchema: { text: z.string() } },
    ({ text }, extra) => calls.run('count_words', extra, async () => textResult(await countWords(text, extra))),
  );

  server.registerTool(
    'divide',
    {
      description: 'Divides two numbers; fails if the second is 0.',
      inputSchema: { dividend: z.number(), divisor: z.number() },
    },
    ({ dividend, divisor }, extra) =>
      calls.run('divide', extra, async () => textResult(String(divide(dividend, divisor)))),
  );

  const waitTool = server.registerTool(
    'wait',
    {
      description: 'Waits, and reports each tenth of a second; made to be cancelled.',
      inputSchema: { seconds: z.number().positive().max(3600) },
    },
    ({ seconds }, extra) => calls.run('wait', extra, async () => textResult(await wait(seconds, extra))),
  );

  server.registerTool(
    'server_info',
    {
      description: 'Says which process serves this session, and what became of its calls so far.',
      outputSchema: {
        pid: z.number(),
        sessionId: z.string(),
        resumed: z.boolean(),
        completed: z.number(),
        failed: z.number(),
        cancelled: z.number(),
      },
    },
    (extra) =>
      calls.run('server_info', extra, async () => {
        const info = { pid: process.pid, sessionId: session.id, resumed: session.resumed, ...calls.counts };
        return { ...textResult(JSON.stringify(info)), structuredContent: info };
      }),
  );

  for (const tool of [countWordsTool, waitTool]) markSlow(tool);
  if (broadcast !== undefined) registerAnnounce(server, calls, broadcast);
  return server;
}

function registerAnnounce(server: McpServer, calls: Calls, broadcast: Broadcast): void {
  server.registerTool(
    'announce',
    { description: 'Tells every client something, by one notification for all.', inputSchema: { text: z.string() } },
    ({ text }, extra) =>
      calls.run('announce', extra, async () => {
        const params = { level: 'info', logger: 'announce', data: text };
        await broadcast({ method: 'notifications/message', params });
        return textResult('announced');
      }),
  );
}

async function countWords(text: string, extra: ToolExtra): Promise<string> {
  const sentences = text.split(/(?<=[.!?])\s+/).filter((sentence) => sentence !== '');
  let words = 0;
  for (const [index, sentence] of sentences.entries()) {
    await sleep(STEP_MS, undefined, { signal: extra.signal });
    words += sentence.split(/\s+/).length;
    await sendProgress(extra, index + 1, sentences.length);
  }
  // Standard queues reorder, and progress that comes after the result is of no use to anybody.
  await sleep(STEP_MS, undefined, { signal: extra.signal });
  return `${words} words in ${sentences.length} sentences`;
}

function divide(dividend: number, divisor: number): number {
  if (divisor === 0) throw new Error(`Cannot divide ${dividend} by zero.`);
  return dividend / divisor;
}

async function wait(seconds: number, extra: ToolExtra): Promise<string> {
  const steps = Math.ceil((seconds * 1000) / STEP_MS);
  for (let step = 1; step <= steps; step++) {
    await sleep(STEP_MS, undefined, { signal: extra.signal });
    await sendProgress(extra, step, steps);
  }
  return `waited ${seconds} s`;
}
