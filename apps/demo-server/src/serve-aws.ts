import { SnsSqsServer } from '@asyncmcp/sns-sqs';
import { SqsServer } from '@asyncmcp/sqs';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { openSession } from './open-session.js';
import { nameOf } from './replies.js';
import type { ServerLike, SessionInfo, SessionStore } from '@asyncmcp/core';
import type { ConsoleLog } from './console-log.js';
import type { SafeFetch } from './safe-fetch.js';
import type { Serving } from './serving.js';
import type { Broadcast } from './tools/announce.js';

export interface ServeAwsOptions {
  /** Where replies go: to queues, or to topics. */
  readonly transport: 'sqs' | 'sns-sqs';
  readonly requestQueueUrl: string;
  readonly deadLetterQueueUrl?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
  readonly concurrency: number;
  /** Default: in memory. */
  readonly store?: SessionStore | undefined;
  readonly safeFetch: SafeFetch;
}

/** Serves over SQS, or SNS and SQS. */
export async function serveAws(options: ServeAwsOptions, log: ConsoleLog): Promise<Serving> {
  const { transport, requestQueueUrl, deadLetterQueueUrl, endpoint, region, concurrency, store, safeFetch } = options;
  const config = { ...(endpoint && { endpoint }), ...(region && { region }) };
  const [sqs, sns] = [new SQSClient(config), new SNSClient(config)];
  const common = {
    sqs,
    requestQueueUrl,
    ...(deadLetterQueueUrl && { deadLetterQueueUrl }),
    concurrency,
    store,
    logger: log.logger,
  };
  const open = (session: SessionInfo, broadcast?: Broadcast): ServerLike =>
    openSession(session, { log, transport, safeFetch, replyTo: nameOf(session.replyTo), broadcast });
  const overQueues = (): SqsServer => new SqsServer({ ...common, createServer: (session) => open(session) });
  const overTopics = (): SnsSqsServer => {
    const topical: SnsSqsServer = new SnsSqsServer({
      ...common,
      sns,
      // Whoever hears the topic of one client's replies hears of it: here, all clients.
      createServer: (session) => open(session, (news) => topical.broadcast(session.replyTo, news)),
    });
    return topical;
  };
  const server = transport === 'sqs' ? overQueues() : overTopics();
  server.onerror = (error) => log.error(error);
  await server.start();
  return {
    where: `from ${nameOf(requestQueueUrl)}`,
    sessions: server.sessions,
    async close() {
      await server.close();
      sqs.destroy();
      sns.destroy();
    },
  };
}
