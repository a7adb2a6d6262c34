import { isRecord } from '@asyncmcp/core';
import { callTool } from './calls.js';
import { check, checkEqual, textOf } from './checks.js';
import type { CallToolResult, Progress } from '@modelcontextprotocol/sdk/types.js';
import type { StepContext } from './steps.js';

/** A web page for the server to get. */
export interface Page {
  readonly url: string;
  /** What `analyze` must find in it, where that is known. */
  readonly facts?: PageFacts | undefined;
}

export interface PageFacts {
  readonly title: string;
  readonly words: number;
  readonly links: number;
  readonly headings: number;
  readonly bytes: number;
}

const CHARACTERS = 200;

/** Has the server get the page, and say how it begins. */
export async function fetchPage(context: StepContext, { url, facts }: Page): Promise<string> {
  const fetched = structured('fetch', await callTool(context, 'fetch', { url, maxCharacters: CHARACTERS }));
  const { status, contentType, bytes, text } = fetched;
  checkEqual('what the page was answered with', status, 200);
  check('its text', typeof text === 'string' && text !== '', 'is empty');
  check('its text', text.length <= CHARACTERS, `has ${text.length} characters`);
  if (facts !== undefined) {
    checkEqual('where it came from', fetched['url'], url);
    checkEqual('how many bytes came', bytes, facts.bytes);
    check('its text', text.includes(facts.title), `has no "${facts.title}" in it`);
  }
  return `GET ${new URL(url).pathname} → ${String(status)} ${shortType(contentType)}, ${String(bytes)} bytes`;
}

/** Has the server look through the page section by section, and say so. */
export async function analyzePage(context: StepContext, { url, facts }: Page): Promise<string> {
  const seen: Progress[] = [];
  const options = { resetTimeoutOnProgress: true, onprogress: (report: Progress) => void seen.push(report) };
  const found = structured('analyze', await callTool(context, 'analyze', { url }, options));
  const { words, links, headings } = found;
  if (facts !== undefined) {
    for (const [name, expected] of Object.entries(facts)) checkEqual(`the ${name} of the page`, found[name], expected);
  }
  // In any order: standard queues do not keep it.
  const reports = seen.toSorted((one, other) => one.progress - other.progress);
  const total = reports.at(-1)?.total ?? 0;
  const all = Array.from({ length: total }, (_, index) => `${index + 1}/${total}`);
  check('the progress reports', total > 1, `say ${total} of how many there are`);
  checkEqual(
    'the progress reports',
    reports.map((report) => `${report.progress}/${report.total ?? '?'}`),
    all,
  );
  const silent = reports.filter(({ message = '' }) => message === '');
  checkEqual('the reports without a message', silent, []);
  return `${String(words)} words, ${String(links)} links, ${String(headings)} headings; progress 1…${total}`;
}

function structured(tool: string, result: CallToolResult): Record<string, unknown> {
  textOf(tool, result);
  check(`the result of ${tool}`, isRecord(result.structuredContent), 'has no structured content');
  return result.structuredContent;
}

function shortType(contentType: unknown): string {
  return typeof contentType === 'string' ? (contentType.split(';')[0] ?? '') : '';
}
