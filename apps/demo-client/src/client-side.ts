import type { ScenarioOptions } from './scenario.js';

export type TransportName = 'sqs' | 'sns-sqs' | 'webhook' | 'streamable-webhook';

/** What a client needs of a transport, with what must be closed afterwards. */
export interface ClientSide extends Pick<
  ScenarioOptions,
  'createTransport' | 'createListener' | 'webhooks' | 'createStockTransport'
> {
  readonly transport: TransportName;
  /** How requests travel: `to the queue …`, `posted to …`. */
  readonly requests: string;
  /** How replies do. */
  readonly replies: string;
  readonly close: () => Promise<void>;
}
