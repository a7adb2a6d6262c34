import { isAsyncMcpError, isRecord } from '@asyncmcp/core';
import { askedBack } from './asked-back-step.js';
import { broadcast } from './broadcast-step.js';
import { callTool, eventually, listTools } from './calls.js';
import { check, checkEqual, rejectionOf, textOf } from './checks.js';
import { analyzePage, fetchPage } from './page-steps.js';
import {
  checkAnalyze,
  checkHandshake,
  checkQuickTool,
  checkSlowTool,
  markedToolList,
  stockClient,
  streamableSessionEnd,
} from './streamable-steps.js';
import { forgedWebhooks, retriedWebhook } from './webhook-steps.js';
import type { AsyncMcpErrorCode } from '@asyncmcp/core';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { RequestOptions } from '@modelcontextprotocol/sdk/shared/protocol.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { Progress } from '@modelcontextprotocol/sdk/types.js';
import type { Page } from './page-steps.js';
import type { CreateStockTransport } from './streamable-steps.js';
import type { Trace } from './trace.js';
import type { WebhookEndpoint } from './webhook-endpoint.js';

/** Any client transport of this project. */
export type DemoTransport = Transport & {
  /** The one that was negotiated. */
  readonly protocolVersion?: string | undefined;
  terminateSession(): Promise<void>;
};

export interface StepContext {
  readonly client: Client;
  readonly transport: DemoTransport;
  /** The transport of one more client; undefined where servers cannot broadcast. */
  readonly createListener: (() => DemoTransport) | undefined;
  /** Where webhooks come to; undefined where replies come otherwise. */
  readonly webhooks: WebhookEndpoint | undefined;
  /** A client transport of the SDK's own; undefined where servers do not speak to those. */
  readonly createStockTransport: CreateStockTransport | undefined;
  /** What the server may get from the web; undefined where there is nothing it could. */
  readonly page: Page | undefined;
  /** What was seen on the wire. */
  readonly trace: Trace;
  /** How long a request may take, in milliseconds. */
  readonly timeoutMs: number;
  /** Aborted when the scenario is to end early. */
  readonly signal: AbortSignal | undefined;
  /** Takes an error that was reported beside the calls for granted. */
  readonly expectReported: (code: AsyncMcpErrorCode) => void;
}

export interface Step {
  readonly title: string;
  readonly run: Run;
}

/** Resolves with what was checked, in a few words; rejects when something is not as it must be. */
type Run = (context: StepContext) => Promise<string>;

const TEXT =
  'A server may take minutes to answer. A client may go away and come back. Either side may crash. No call is lost. ' +
  'Nobody waits on the line.';
const TEXT_WORDS = 28;
const TEXT_SENTENCES = 5;

const GIVEN_UP = 'not needed any more';

/** The steps in their order: each builds on those before it. */
export function stepsWith({
  createListener,
  webhooks,
  createStockTransport,
  page,
}: Pick<StepContext, 'createListener' | 'webhooks' | 'createStockTransport' | 'page'>): readonly Step[] {
  const also = createStockTransport === undefined ? (run: Run): Run => run : withCheck;
  return [
    { title: 'handshake', run: also(handshake, checkHandshake) },
    { title: 'tool list', run: createStockTransport === undefined ? toolList : markedToolList },
    { title: 'quick tool', run: also(quickTool, checkQuickTool) },
    { title: 'slow tool', run: also(slowTool, checkSlowTool) },
    ...(createStockTransport === undefined
      ? []
      : [{ title: 'stock client', run: (context: StepContext) => stockClient(context, createStockTransport) }]),
    ...(page === undefined
      ? []
      : [
          { title: 'fetch', run: (context: StepContext) => fetchPage(context, page) },
          { title: 'analyze', run: also((context) => analyzePage(context, page), checkAnalyze) },
        ]),
    { title: 'asked back', run: askedBack },
    { title: 'cancelled call', run: cancelledCall },
    { title: 'failing tool', run: failingTool },
    ...(createListener === undefined
      ? []
      : [{ title: 'broadcast', run: (context: StepContext) => broadcast(context, createListener()) }]),
    ...(webhooks === undefined
      ? []
      : [
          { title: 'webhook retried', run: (context: StepContext) => retriedWebhook(context, webhooks) },
          { title: 'forged webhooks', run: (context: StepContext) => forgedWebhooks(context, webhooks) },
        ]),
    {
      title: "session's end",
      run:
        createStockTransport === undefined
          ? sessionEnd
          : (context) => streamableSessionEnd(context, createStockTransport),
    },
  ];
}

/** A step with one more check, which has the last word on what was checked. */
function withCheck(run: Run, andCheck: (context: StepContext, detail: string) => Promise<string>): Run {
  return async (context) => {
    const detail = await run(context);
    await context.trace.answered();
    return andCheck(context, detail);
  };
}

async function handshake({ client, transport, timeoutMs }: StepContext): Promise<string> {
  await client.connect(transport, { timeout: timeoutMs });
  const { name = '', version = '' } = client.getServerVersion() ?? {};
  checkEqual("the server's name", name, 'asyncmcp-demo-server');
  check('the handshake', transport.sessionId !== undefined, 'the server gave no session id');
  return `${name} ${version}, session ${transport.sessionId.slice(0, 8)}`;
}

async function toolList(context: StepContext): Promise<string> {
  const tools = await listTools(context);
  const names = tools.map(({ name }) => name).toSorted();
  return `${names.length}: ${names.join(' ')}`;
}

async function quickTool(context: StepContext): Promise<string> {
  const text = textOf('greet', await callTool(context, 'greet', { name: 'Ada' }));
  checkEqual('the answer of greet', text, 'Hello, Ada!');
  return `greet "Ada" → "${text}"`;
}

async function slowTool(context: StepContext): Promise<string> {
  const seen: Progress[] = [];
  const options: RequestOptions = {
    // The SDK's client gives a call up after its timeout; this way each report gives it the whole time again.
    resetTimeoutOnProgress: true,
    onprogress: (report) => void seen.push(report),
  };
  const text = textOf('count_words', await callTool(context, 'count_words', { text: TEXT }, options));
  checkEqual('the answer of count_words', text, `${TEXT_WORDS} words in ${TEXT_SENTENCES} sentences`);
  // In any order: standard queues do not keep it.
  const reports = seen.map(({ progress, total }) => `${progress}/${total ?? '?'}`).toSorted();
  checkEqual('the progress reports', reports, ['1/5', '2/5', '3/5', '4/5', '5/5']);
  return `${text}; progress ${seen.map(({ progress }) => progress).join(' ')}`;
}

async function cancelledCall(context: StepContext): Promise<string> {
  const before = await cancelledSoFar(context);
  const giveUp = new AbortController();
  let reports = 0;
  const call = callTool(
    context,
    'wait',
    { seconds: 60 },
    {
      signal: giveUp.signal,
      // It runs: now it is worth cancelling.
      onprogress: () => {
        reports++;
        if (reports === 2) giveUp.abort(GIVEN_UP);
      },
    },
  );
  const error = await rejectionOf('the cancelled call', call);
  check(
    'the cancelled call',
    giveUp.signal.aborted && String(error).includes(GIVEN_UP),
    `failed with ${String(error)}`,
  );
  await eventually('the server to stop the call', async () => (await cancelledSoFar(context)) === before + 1);
  return `wait 60 s: given up after ${reports} reports, it stopped`;
}

async function failingTool(context: StepContext): Promise<string> {
  const result = await callTool(context, 'divide', { dividend: 1, divisor: 0 });
  const text = textOf('divide', result, true);
  checkEqual('the failure of divide', text, 'Cannot divide 1 by zero.');
  return `divide 1 by 0 → isError "${text}"`;
}

async function sessionEnd({ client, transport, timeoutMs, expectReported }: StepContext): Promise<string> {
  const { sessionId } = transport;
  check('the session', sessionId !== undefined, 'is lost already');
  await transport.terminateSession();
  check('terminateSession()', transport.sessionId === undefined, 'the transport still has the session');
  // Now as a client that has not heard of it: the server must refuse, not stay silent.
  transport.sessionId = sessionId;
  expectReported('ERR_SESSION_LOST');
  let refusal: unknown;
  await eventually('the session to be refused', async () => {
    refusal = await client.ping({ timeout: timeoutMs }).catch((error: unknown) => error);
    return refusal instanceof Error;
  });
  check('a ping after the end', isSessionNotFound(refusal), `failed with ${String(refusal)}`);
  delete transport.sessionId;
  await client.close();
  return 'ended; a ping under its id → error -32001';
}

/** By the error's data: -32001 is also the code of the SDK's own timeouts. */
function isSessionNotFound(thrown: unknown): boolean {
  // Over HTTP the server refuses the ping itself, so that sending it fails; what it said is in the details.
  const error = isAsyncMcpError(thrown, 'ERR_SESSION_LOST') ? thrown.details['error'] : thrown;
  if (!isRecord(error) || error['code'] !== -32001) return false;
  return isRecord(error['data']) && error['data']['code'] === 'ERR_SESSION_NOT_FOUND';
}

/** How many calls of this session the server has cancelled, as it says itself. */
async function cancelledSoFar(context: StepContext): Promise<number> {
  const { structuredContent } = await callTool(context, 'server_info', {});
  const cancelled = structuredContent?.['cancelled'];
  check('server_info', typeof cancelled === 'number', 'does not say how many calls were cancelled');
  return cancelled;
}
