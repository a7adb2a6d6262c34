import type { ScenarioOptions } from './scenario.js';

/** What a scenario needs of a transport, with what must be closed afterwards. */
export interface ClientSide extends Pick<
  ScenarioOptions,
  'createTransport' | 'createListener' | 'webhooks' | 'createStockTransport'
> {
  readonly close: () => Promise<void>;
}
