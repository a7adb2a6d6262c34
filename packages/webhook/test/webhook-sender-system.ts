import { createEnvelope, silentLogger } from '@asyncmcp/core';
import { until } from '@asyncmcp/testkit';
import { createGuardedAgent } from '../src/guarded-agent.js';
import { createUrlGuard } from '../src/url-guard.js';
import { createWebhookSender } from '../src/webhook-sender.js';
import { startHookServer } from './hook-server.js';
import type { Envelope, Logger } from '@asyncmcp/core';
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { GuardedAgentOptions } from '../src/guarded-agent.js';
import type { UrlGuardOptions } from '../src/url-guard.js';
import type { UndeliveredWebhook, WebhookSender, WebhookSenderOptions } from '../src/webhook-sender.js';
import type { Answer, HookServer } from './hook-server.js';

export interface SenderOptions extends Partial<WebhookSenderOptions> {
  readonly guarding?: UrlGuardOptions;
  readonly connections?: GuardedAgentOptions;
}

/** A sender, and what it told. */
export interface SenderSystem extends WebhookSender {
  readonly undelivered: readonly UndeliveredWebhook[];
  /** Tries that failed and are followed by another. */
  readonly retries: number;
  readonly errors: readonly string[];
  retried(count: number): Promise<void>;
}

/** What a test opens, and closes at its end. */
export interface Senders {
  readonly sender: (options?: SenderOptions) => SenderSystem;
  readonly hookServer: (answer?: Answer, port?: number) => Promise<HookServer>;
  readonly close: () => Promise<void>;
}

export function createSenders(): Senders {
  const closing: (() => Promise<unknown>)[] = [];
  return {
    sender({ guarding, connections, ...options } = {}) {
      const guard = createUrlGuard({ allowWebhookUrl: () => true, ...guarding });
      const agent = createGuardedAgent(guard, connections);
      const undelivered: UndeliveredWebhook[] = [];
      const errors: string[] = [];
      let retries = 0;
      const logger: Logger = {
        ...silentLogger,
        debug: () => void retries++,
        error: (_facts, message) => void errors.push(message),
      };
      const sender = createWebhookSender({
        guard,
        agent,
        retryForMs: 20_000,
        maxQueuedPerSession: 100,
        onundelivered: (failure) => void undelivered.push(failure),
        logger,
        random: () => 0.01,
        ...options,
      });
      closing.push(async () => {
        await sender.close(0);
        await agent.destroy();
      });
      return {
        send: (...message) => sender.send(...message),
        close: (drainMs) => sender.close(drainMs),
        undelivered,
        errors,
        get retries() {
          return retries;
        },
        async retried(count) {
          await until(() => retries >= count, { intervalMs: 2, message: () => `${count} retries; ${retries} seen` });
        },
      };
    },
    async hookServer(answer, port) {
      const server = await startHookServer(answer, port);
      closing.push(() => server.close());
      return server;
    },
    async close() {
      for (const close of closing.splice(0).toReversed()) await close();
    },
  };
}

/** The envelope of a response. */
export function answerTo(id: RequestId, sessionId = 'session', text = ''): Envelope {
  return createEnvelope({ jsonrpc: '2.0', id, result: { text } }, { sessionId });
}

/** The envelope of a progress notification. */
export function progressOf(id: RequestId | undefined, progress: number, sessionId = 'session'): Envelope {
  const params = { progressToken: 't', progress };
  const message: JSONRPCMessage = { jsonrpc: '2.0', method: 'notifications/progress', params };
  return createEnvelope(message, { sessionId, relatedRequestId: id });
}
