import { z } from 'zod';
import { textResult } from '../calls.js';
import { sendProgress, step, stepsIn } from '../progress.js';
import { TOOLS } from './catalogue.js';
import type { RegisteredTool } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { ToolExtra } from '../calls.js';
import type { ToolContext } from './tool-context.js';

export function registerCountWords({ server, calls }: ToolContext): RegisteredTool {
  return server.registerTool(
    'count_words',
    { description: TOOLS.count_words.description, inputSchema: { text: z.string() } },
    ({ text }, extra) => calls.run('count_words', extra, async () => textResult(await countWords(text, extra))),
  );
}

export function registerWait({ server, calls }: ToolContext): RegisteredTool {
  return server.registerTool(
    'wait',
    { description: TOOLS.wait.description, inputSchema: { seconds: z.number().positive().max(3600) } },
    ({ seconds }, extra) => calls.run('wait', extra, async () => textResult(await wait(seconds, extra))),
  );
}

async function countWords(text: string, extra: ToolExtra): Promise<string> {
  const sentences = text.split(/(?<=[.!?])\s+/).filter((sentence) => sentence !== '');
  let words = 0;
  for (const [index, sentence] of sentences.entries()) {
    await step(extra);
    words += sentence.split(/\s+/).length;
    await sendProgress(extra, { progress: index + 1, total: sentences.length });
  }
  // Standard queues reorder, and progress that comes after the result is of no use to anybody.
  await step(extra);
  return `${words} words in ${sentences.length} sentences`;
}

async function wait(seconds: number, extra: ToolExtra): Promise<string> {
  const total = stepsIn(seconds);
  for (let progress = 1; progress <= total; progress++) {
    await step(extra);
    await sendProgress(extra, { progress, total });
  }
  return `waited ${seconds} s`;
}
