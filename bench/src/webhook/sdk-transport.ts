import { METADATA, post } from './by-hand-messages.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { Dispatcher } from 'undici';

/**
 * The least that a transport can do between the SDK's `Client` and `McpServer`: it posts what it is given, with the headers that go with
 * this project's messages, and hands on what it is told. It checks nothing, records nothing, retries nothing and signs nothing.
 */
export class BareTransport implements Transport {
  onmessage?: (message: JSONRPCMessage) => void;
  onclose?: () => void;
  onerror?: (error: Error) => void;
  readonly #to: Dispatcher;
  readonly #path: string;
  readonly #headers: (message: JSONRPCMessage) => Record<string, string>;

  constructor(
    to: Dispatcher,
    path: string,
    headers: (message: JSONRPCMessage) => Record<string, string> = () => METADATA,
  ) {
    this.#to = to;
    this.#path = path;
    this.#headers = headers;
  }

  async start(): Promise<void> {}

  send(message: JSONRPCMessage): Promise<void> {
    return post(this.#to, this.#path, message, this.#headers(message));
  }

  async close(): Promise<void> {
    this.onclose?.();
  }
}
