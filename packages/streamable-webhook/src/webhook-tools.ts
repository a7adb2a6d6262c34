import { JsonRpcErrorCode, isRecord, isResponse } from '@asyncmcp/core';
import type { Logger, SessionHost, SessionRecord } from '@asyncmcp/core';
import type { JSONRPCRequest, MessageExtraInfo } from '@modelcontextprotocol/sdk/types.js';

/** The member of a tool's `_meta` that says how its results travel. */
const META_KEY = 'asyncmcp/delivery';
const WEBHOOK = 'webhook';

/** What a tool has to have to be marked: the SDK's `RegisteredTool` is one, and so is a tool in an answer to `tools/list`. */
export interface WithMeta {
  /** The tool's metadata, which clients are shown. Default: none. */
  _meta?: Record<string, unknown> | undefined;
}

/**
 * Marks a tool as one whose results are delivered by webhook, to clients that have given one. The mark is in the tool's `_meta` in
 * `tools/list`, so that clients see it before they call.
 *
 * @example
 * ```ts
 * webhookTool(mcpServer.registerTool('analyze', { inputSchema: { url: z.string() } }, analyze));
 * ```
 *
 * @param tool - what `registerTool` returned; it is changed
 * @returns the same tool
 */
export function webhookTool<T extends object>(tool: T & WithMeta): T {
  tool._meta = { ...tool._meta, [META_KEY]: WEBHOOK };
  return tool;
}

/** Whether a tool, as `tools/list` shows it, is marked by {@link webhookTool}. */
export function isWebhookTool(tool: Readonly<WithMeta>): boolean {
  return tool._meta?.[META_KEY] === WEBHOOK;
}

/**
 * Which tools deliver by webhook: their names, beside those that {@link webhookTool} has marked; or a function that decides for each
 * call alone, e.g. by the size of its arguments. What it throws counts as no.
 */
export type WebhookTools =
  readonly string[] | ((name: string, args: Readonly<Record<string, unknown>>, session: SessionRecord) => boolean);

export interface WebhookToolChoiceOptions {
  readonly webhookTools: WebhookTools;
  readonly ask: SessionHost['ask'];
  readonly logger: Logger;
  /** The clock, in ms since epoch, for tests. Default Date.now. */
  readonly now?: () => number;
}

/** Decides for each call whether it is answered by webhook. */
export interface WebhookToolChoice {
  /** A promise only where the session's server has to be asked for its tools first. Never throws or rejects. */
  isWebhookCall(request: JSONRPCRequest, session: SessionRecord, extra: MessageExtraInfo): boolean | Promise<boolean>;
  /** The tools of a session have changed, or the session is over: what is known of them is not true any more. */
  forget(sessionId: string): void;
}

/** More pages of tools than this are not asked for. */
const MAX_PAGES = 50;

/** How soon a server is asked again that has failed to say, in milliseconds. */
const ASK_AGAIN_MS = 1000;

/** What is known of a session's tools. */
interface Marked {
  /** Those that are marked. */
  readonly names: ReadonlySet<string>;
  /** On the clock: an answer is good until the tools change, a failure not for long. */
  readonly goodUntil: number;
}

export function createWebhookToolChoice({
  webhookTools,
  ask,
  logger,
  now = Date.now,
}: WebhookToolChoiceOptions): WebhookToolChoice {
  const marked = new Map<string, Marked | Promise<Marked>>();
  const named: ReadonlySet<string> | undefined = typeof webhookTools === 'function' ? undefined : new Set(webhookTools);

  /** The names of the tools that are marked: of those that it tells, where a server fails to tell all. */
  async function askForTools(session: SessionRecord, extra: MessageExtraInfo): Promise<Marked> {
    const names = new Set<string>();
    try {
      let cursor: string | undefined;
      for (let page = 0; page < MAX_PAGES; page++) {
        const answer = await ask(session.id, 'tools/list', cursor === undefined ? {} : { cursor }, extra);
        const result = resultIn(answer);
        for (const name of markedIn(result['tools'])) names.add(name);
        const next = result['nextCursor'];
        if (typeof next !== 'string' || next === cursor) break;
        cursor = next;
      }
      return { names, goodUntil: Infinity };
    } catch (error) {
      logger.warn({ err: error, sessionId: session.id }, 'a server does not say which of its tools are webhook tools');
      return { names, goodUntil: now() + ASK_AGAIN_MS };
    }
  }

  async function learn(session: SessionRecord, extra: MessageExtraInfo): Promise<Marked> {
    const asking = askForTools(session, extra);
    marked.set(session.id, asking);
    const learned = await asking;
    if (marked.get(session.id) === asking) marked.set(session.id, learned);
    return learned;
  }

  /** What is known, if it is still good. */
  function known(sessionId: string): Marked | Promise<Marked> | undefined {
    const found = marked.get(sessionId);
    return found instanceof Promise || (found !== undefined && now() < found.goodUntil) ? found : undefined;
  }

  function decide(name: string, args: unknown, session: SessionRecord): boolean {
    if (typeof webhookTools !== 'function') return false;
    try {
      return webhookTools(name, isRecord(args) ? args : {}, session) === true;
    } catch (error) {
      logger.error({ err: error, sessionId: session.id, tool: name }, 'webhookTools threw, which counts as no');
      return false;
    }
  }

  return {
    isWebhookCall({ method, params }, session, extra) {
      const name = params?.['name'];
      if (method !== 'tools/call' || typeof name !== 'string') return false;
      if (named === undefined) return decide(name, params?.['arguments'], session);
      if (named.has(name)) return true;
      const found = known(session.id) ?? learn(session, extra);
      return found instanceof Promise ? found.then(({ names }) => names.has(name)) : found.names.has(name);
    },
    forget: (sessionId) => void marked.delete(sessionId),
  };
}

/**
 * The result of `tools/list`. A server that has no tools, or no session any more, has none that are marked.
 *
 * @throws Error for a server that fails
 */
function resultIn(answer: Awaited<ReturnType<SessionHost['ask']>>): Readonly<Record<string, unknown>> {
  if (answer === undefined || !isResponse(answer)) return {};
  if ('result' in answer) return answer.result;
  if (answer.error.code === JsonRpcErrorCode.methodNotFound) return {};
  throw new Error(`tools/list was answered with error ${answer.error.code}: ${answer.error.message}`);
}

function markedIn(tools: unknown): string[] {
  const list: readonly unknown[] = Array.isArray(tools) ? tools : [];
  return list.flatMap((tool) => {
    if (!isRecord(tool) || typeof tool['name'] !== 'string') return [];
    const meta = tool['_meta'];
    return isRecord(meta) && meta[META_KEY] === WEBHOOK ? [tool['name']] : [];
  });
}
