import { isRecord, isResponse } from '@asyncmcp/core';
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

export function createWebhookToolChoice({ webhookTools, ask, logger }: WebhookToolChoiceOptions): WebhookToolChoice {
  const marked = new Map<string, ReadonlySet<string> | Promise<ReadonlySet<string>>>();
  const named: ReadonlySet<string> | undefined = typeof webhookTools === 'function' ? undefined : new Set(webhookTools);

  /** The names of the tools that are marked. A server that does not say has none. */
  async function askForTools(session: SessionRecord, extra: MessageExtraInfo): Promise<ReadonlySet<string>> {
    const names = new Set<string>();
    try {
      let cursor: string | undefined;
      for (let page = 0; page < MAX_PAGES; page++) {
        const answer = await ask(session.id, 'tools/list', cursor === undefined ? {} : { cursor }, extra);
        const result = answer !== undefined && isResponse(answer) && 'result' in answer ? answer.result : {};
        for (const name of markedIn(result['tools'])) names.add(name);
        const next = result['nextCursor'];
        if (typeof next !== 'string' || next === cursor) break;
        cursor = next;
      }
    } catch (error) {
      logger.warn({ err: error, sessionId: session.id }, 'a server does not say which of its tools are webhook tools');
    }
    return names;
  }

  async function learn(session: SessionRecord, extra: MessageExtraInfo): Promise<ReadonlySet<string>> {
    const asking = askForTools(session, extra);
    marked.set(session.id, asking);
    const names = await asking;
    if (marked.get(session.id) === asking) marked.set(session.id, names);
    return names;
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
      const known = marked.get(session.id) ?? learn(session, extra);
      return known instanceof Promise ? known.then((names) => names.has(name)) : known.has(name);
    },
    forget: (sessionId) => void marked.delete(sessionId),
  };
}

function markedIn(tools: unknown): string[] {
  const list: readonly unknown[] = Array.isArray(tools) ? tools : [];
  return list.flatMap((tool) => {
    if (!isRecord(tool) || typeof tool['name'] !== 'string') return [];
    const meta = tool['_meta'];
    return isRecord(meta) && meta[META_KEY] === WEBHOOK ? [tool['name']] : [];
  });
}
