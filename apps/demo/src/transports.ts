import { runSnsSqs } from './sns-sqs.js';
import { runSqs } from './sqs.js';
import { runStreamableWebhook, runWebhook } from './webhook.js';
import type { ScenarioTotals } from '@asyncmcp/demo-client';
import type { Stage } from './stage.js';

/** A transport the demo can show. */
export interface DemoTransportEntry {
  /** What the user types. */
  readonly name: string;
  readonly title: string;
  /** How a request and its answer travel. */
  readonly way: string;
  /** Runs it, everything it needs included; rejects if anything is not as it must be. Leaves nothing running. */
  readonly run: (stage: Stage) => Promise<ScenarioTotals>;
}

export const TRANSPORTS: readonly DemoTransportEntry[] = [
  { name: 'sqs', title: 'Amazon SQS', way: 'queue → server → queue', run: runSqs },
  { name: 'sns-sqs', title: 'Amazon SNS and SQS', way: 'topic → server → topic', run: runSnsSqs },
  { name: 'webhook', title: 'webhooks', way: 'POST → server → webhook', run: runWebhook },
  {
    name: 'streamable-webhook',
    title: 'Streamable HTTP with webhooks',
    way: 'POST → server → SSE, webhook',
    run: runStreamableWebhook,
  },
];
