import { openAwsClient } from './aws-client.js';
import { openStreamableWebhookClient, openWebhookClient } from './webhook-client.js';
import type { ClientSide } from './client-side.js';
import type { Flags } from './command.js';
import type { Trace } from './trace.js';

/** Flags are missing that the transport needs; the message says which. */
export class MissingFlagsError extends Error {
  override readonly name = 'MissingFlagsError';
}

const NO_QUEUE = `No request queue: give --request-queue-url, or set ASYNCMCP_REQUEST_QUEUE_URL.
It is the queue that a demo server takes requests from. To have both without AWS,
start an emulator, which prints what to do next:
  npx pnpm@12 emulator
Without any queue: --transport webhook or streamable-webhook.`;

const NO_TOPIC = `No topics: give --request-topic-arn and --response-topic-arn, or set
ASYNCMCP_REQUEST_TOPIC_ARN and ASYNCMCP_RESPONSE_TOPIC_ARN. The first is the topic
that a demo server's queue is subscribed to. To have both without AWS, start an
emulator, which prints what to do next:
  npx pnpm@12 emulator`;

/** Where demo servers take messages by default. */
const DEFAULT_SERVER_URLS = {
  webhook: 'http://127.0.0.1:8000/mcp/request',
  'streamable-webhook': 'http://127.0.0.1:8000/mcp',
};

/** Whoever sits at a terminal wants to know soon that no server is there, and has it sooner than the end of the time. */
function retryTime({ scenario, timeout }: Flags): number | undefined {
  return scenario ? undefined : Math.min(5000, Math.ceil(timeout * 500));
}

/** @throws MissingFlagsError, or AsyncMcpError as the transports do */
export async function openClient(flags: Flags, trace: Trace): Promise<ClientSide> {
  const { transport, requestQueueUrl, requestTopicArn, responseTopicArn } = flags;
  if (transport === 'webhook' || transport === 'streamable-webhook') {
    const { webhookUrl, webhookHost: host, webhookPort: port, clientId } = flags;
    const serverUrl = flags.serverUrl ?? DEFAULT_SERVER_URLS[transport];
    const open = transport === 'webhook' ? openWebhookClient : openStreamableWebhookClient;
    return open({ serverUrl, host, port, webhookUrl, clientId, retryForMs: retryTime(flags) }, trace);
  }
  if (transport === 'sqs') {
    if (requestQueueUrl === undefined) throw new MissingFlagsError(NO_QUEUE);
    return openAwsClient({ ...flags, requests: { requestQueueUrl } }, trace);
  }
  if (requestTopicArn === undefined || responseTopicArn === undefined) throw new MissingFlagsError(NO_TOPIC);
  return openAwsClient({ ...flags, requests: { requestTopicArn, responseTopicArn } }, trace);
}
