import { parseMIMEType } from 'undici';
import { z } from 'zod';
import { outlineOfHtml, outlineOfText } from '../page-outline.js';
import { sendProgress, step } from '../progress.js';
import { counted, shorten } from '../text.js';
import { TOOLS } from './catalogue.js';
import type { RegisteredTool } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import type { ToolExtra } from '../calls.js';
import type { PageOutline, Section } from '../page-outline.js';
import type { FetchedText, SafeFetch } from '../safe-fetch.js';
import type { ToolContext } from './tool-context.js';

/** Most steps that sections are counted in; a page of many takes no longer than one of as many. */
const MAX_STEPS = 20;

/** Most of a heading that a report shows, in characters. */
const MAX_SHOWN = 40;

/** What `structuredContent` is. */
const analysisShape = {
  url: z.string().describe('Where the page came from, after redirects.'),
  title: z.string().describe('Empty if there is none.'),
  words: z.int(),
  links: z.int(),
  headings: z.int(),
  bytes: z.int(),
};

type Analysis = z.infer<z.ZodObject<typeof analysisShape>>;

export function registerAnalyze({ server, calls }: ToolContext, safeFetch: SafeFetch): RegisteredTool {
  return server.registerTool(
    'analyze',
    {
      description: TOOLS.analyze.description,
      inputSchema: { url: z.string().describe('An absolute http or https URL.') },
      outputSchema: analysisShape,
      annotations: { readOnlyHint: true, openWorldHint: true },
    },
    ({ url }, extra) =>
      calls.run('analyze', extra, async () => resultOf(await analyze(await safeFetch(url, extra.signal), extra))),
  );
}

/** Each step's work is done in no time; what takes the time is that it shall be watched. */
async function analyze({ url, status, contentType, bytes, text }: FetchedText, extra: ToolExtra): Promise<Analysis> {
  if (status < 200 || status > 299) throw new Error(`There is no page to analyze: ${url} answered ${status}.`);
  const { title, headings, sections } = outlineOf(text, contentType);
  const parts = inParts(sections);
  const total = parts.length + 1;
  await sendProgress(extra, { progress: 1, total, message: `got ${bytes} bytes` });
  const analysis = { url, title, words: 0, links: 0, headings, bytes };
  for (const [index, part] of parts.entries()) {
    await step(extra);
    for (const { words, links } of part) {
      analysis.words += words;
      analysis.links += links;
    }
    await sendProgress(extra, { progress: index + 2, total, message: `counted ${nameOf(part)}` });
  }
  // Standard queues reorder, and progress that comes after the result is of no use to anybody.
  await step(extra);
  return analysis;
}

function outlineOf(text: string, contentType: string): PageOutline {
  const type = parseMIMEType(contentType);
  const isHtml = type !== 'failure' && /\bx?html\b/.test(type.subtype);
  return isHtml ? outlineOfHtml(text) : outlineOfText(text);
}

/** As many in each as it takes. */
function inParts(sections: readonly Section[]): readonly (readonly Section[])[] {
  const size = Math.ceil(sections.length / MAX_STEPS);
  const parts: Section[][] = [];
  for (let start = 0; start < sections.length; start += size) parts.push(sections.slice(start, start + size));
  return parts;
}

function nameOf([first, ...others]: readonly Section[]): string {
  const heading = first?.heading ?? '';
  const shown = shorten(heading, MAX_SHOWN);
  const name = heading === '' ? 'the beginning' : `"${shown}${shown === heading ? '' : '…'}"`;
  return others.length === 0 ? name : `${name} and ${others.length} more`;
}

function resultOf(analysis: Analysis): CallToolResult {
  const { url, title, words, links, headings, bytes } = analysis;
  const counts = [counted(words, 'word'), counted(links, 'link'), counted(headings, 'heading')].join(', ');
  const text = `${title === '' ? url : title}: ${counts} in ${counted(bytes, 'byte')}`;
  return { content: [{ type: 'text', text }], structuredContent: analysis };
}
