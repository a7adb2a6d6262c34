import { isWebhookTool } from '@asyncmcp/streamable-webhook';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { callTool, listTools } from './calls.js';
import { check, checkEqual, rejectionOf } from './checks.js';
import { isEventStream } from './http-entries.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { StepContext } from './steps.js';
import type { HttpAnswer, TraceEntry } from './trace.js';

/** A client transport of the SDK's own, for a new session or for one that the scenario's client has opened. */
export type CreateStockTransport = (sessionId?: string) => Transport & { terminateSession(): Promise<void> };

/** The tools of the demo that take their time, and what marks them. */
const SLOW_TOOLS = ['analyze', 'count_words', 'wait'];
const MARK = { 'asyncmcp/delivery': 'webhook' };

/** That `initialize` was answered at once: in JSON, and not by a webhook. */
export async function checkHandshake({ trace }: StepContext, detail: string): Promise<string> {
  const { status, type } = answerOf(trace.entries, 'initialize');
  checkEqual('how initialize was answered', [status, type?.split(';')[0]], [200, 'application/json']);
  checkEqual('how many webhooks came', webhooksIn(trace.entries).length, 0);
  return `${detail}, JSON`;
}

/** That a client can tell which tools answer by webhook before it calls one. */
export async function markedToolList(context: StepContext): Promise<string> {
  const tools = await listTools(context);
  const marked = tools.filter(isWebhookTool);
  checkEqual('the tools that are marked', marked.map(({ name }) => name).toSorted(), SLOW_TOOLS);
  for (const { name, _meta } of marked) checkEqual(`the _meta of ${name}`, _meta, MARK);
  const [mark = []] = Object.entries(MARK);
  return `${marked.length} of ${tools.length} have _meta ${mark.join('=')}`;
}

/** That a quick tool was answered over its connection. */
export async function checkQuickTool({ trace }: StepContext, detail: string): Promise<string> {
  const { status, type } = answerOf(trace.entries, 'tools/call greet');
  checkEqual('how the call was answered', [status, isEventStream(type)], [200, true]);
  checkEqual('how many webhooks came', webhooksIn(trace.entries).length, 0);
  return `${detail} over SSE`;
}

/** That a slow tool was answered by webhook, and that no connection was held for it. */
export async function checkSlowTool({ trace }: StepContext, detail: string): Promise<string> {
  const { entries } = trace;
  const { status, endedAt } = answerOf(entries, 'tools/call count_words');
  checkEqual('how the call was answered', status, 202);
  const webhooks = webhooksIn(entries);
  checkEqual('how many webhooks came', webhooks.length, 6);
  const first = webhooks[0]?.at ?? -Infinity;
  check('the connection of the call', endedAt !== undefined && endedAt <= first, 'was held while the tool ran');
  const others = entries.filter(({ kind, what }) => kind === 'sent' && !what.startsWith('tools/call count_words'));
  checkEqual('what else was sent', others, []);
  return `${detail.split(';')[0] ?? ''}; 202 first, none held`;
}

/** That the page was looked through the same way. */
export async function checkAnalyze({ trace }: StepContext, detail: string): Promise<string> {
  const { entries } = trace;
  checkEqual('how the call was answered', answerOf(entries, 'tools/call analyze').status, 202);
  const webhooks = webhooksIn(entries);
  check('the webhooks', webhooks.at(-1)?.what.startsWith('result') === true, 'do not have the result');
  return detail;
}

/** Has a client call the same tool that knows nothing of webhooks: it gets everything over its connection. */
export async function stockClient(context: StepContext, createTransport: CreateStockTransport): Promise<string> {
  const { trace, timeoutMs, signal } = context;
  const transport = createTransport();
  const client = new Client({ name: 'asyncmcp-demo-stock', version: '1.0.0' });
  const reports: number[] = [];
  const stop = (): void => void client.close();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    await client.connect(transport, { timeout: timeoutMs });
    const onprogress = ({ progress }: { progress: number }): void => void reports.push(progress);
    const options = { onprogress, resetTimeoutOnProgress: true };
    const { content } = await callTool({ client, timeoutMs }, 'count_words', { text: 'So it is. Or not.' }, options);
    checkEqual('the answer of count_words', content, [{ type: 'text', text: '5 words in 2 sentences' }]);
    checkEqual('the progress reports', reports, [1, 2]);
    const { status, type } = answerOf(trace.entries, 'tools/call count_words');
    checkEqual('how the call was answered', [status, isEventStream(type)], [200, true]);
    checkEqual('how many webhooks came', webhooksIn(trace.entries).length, 0);
    await transport.terminateSession();
  } finally {
    signal?.removeEventListener('abort', stop);
    await client.close();
  }
  return `5 words in 2 sentences; progress ${reports.join(' ')} over SSE`;
}

/** Ends the session, and asks again as a client that has not heard of it. */
export async function streamableSessionEnd(
  { client, transport, timeoutMs }: StepContext,
  createTransport: CreateStockTransport,
): Promise<string> {
  const { sessionId } = transport;
  check('the session', sessionId !== undefined, 'is lost already');
  await transport.terminateSession();
  check('terminateSession()', transport.sessionId === undefined, 'the transport still has the session');
  const late = new Client({ name: 'asyncmcp-demo-late', version: '1.0.0' });
  try {
    await late.connect(createTransport(sessionId));
    const refusal = String(await rejectionOf('a ping after the end', late.ping({ timeout: timeoutMs })));
    check('a ping after the end', /-32001.*ERR_SESSION_NOT_FOUND/s.test(refusal), `failed with ${refusal}`);
  } finally {
    await late.close();
  }
  await client.close();
  return 'ended; a ping under its id → 404, error -32001';
}

function webhooksIn(entries: readonly TraceEntry[]): readonly TraceEntry[] {
  return entries.filter(({ channel }) => channel.startsWith('signed webhook'));
}

/** How the request was answered that begins so. */
function answerOf(entries: readonly TraceEntry[], beginning: string): HttpAnswer {
  const entry = entries.find(({ kind, what }) => kind === 'sent' && what.startsWith(beginning));
  check(beginning, entry !== undefined, 'was not sent');
  const { answer } = entry;
  check(beginning, typeof answer === 'object', 'has no answer yet');
  return answer;
}
