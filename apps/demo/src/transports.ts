import { runSnsSqs } from './sns-sqs.js';
import { runSqs } from './sqs.js';
import { runStreamableWebhook, runWebhook } from './webhook.js';
import type { Stage } from './stage.js';

/** A transport the demo can show. */
export interface DemoTransportEntry {
  /** What the user types. */
  readonly name: string;
  readonly title: string;
  /** Runs it, everything it needs included; rejects if anything is not as it must be. Leaves nothing running. */
  readonly run: (stage: Stage) => Promise<void>;
}

export const TRANSPORTS: readonly DemoTransportEntry[] = [
  { name: 'sqs', title: 'Amazon SQS', run: runSqs },
  { name: 'sns-sqs', title: 'Amazon SNS and SQS', run: runSnsSqs },
  { name: 'webhook', title: 'webhooks', run: runWebhook },
  { name: 'streamable-webhook', title: 'Streamable HTTP with webhooks', run: runStreamableWebhook },
];
