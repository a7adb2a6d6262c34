import { isAsyncMcpError } from '@asyncmcp/core';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import {
  CallToolResultSchema,
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { Watch } from './watch.js';
import type { AsyncMcpErrorCode, ClientTransport } from '@asyncmcp/core';
import type { RequestHandlerExtra, RequestOptions } from '@modelcontextprotocol/sdk/shared/protocol.js';
import type {
  CallToolResult,
  ClientNotification,
  ClientRequest,
  JSONRPCMessage,
} from '@modelcontextprotocol/sdk/types.js';

export type ClientExtra = RequestHandlerExtra<ClientRequest, ClientNotification>;

export interface TestClientOptions {
  readonly clientId?: string;
  /** Answers the server's sampling requests. Default: says the prompt back. */
  readonly sample?: (prompt: string, extra: ClientExtra) => Promise<string>;
}

/** The SDK's own `Client` on a transport under test, and a record of all that the transport handed to it. */
export class TestClient {
  readonly sdk: Client;
  readonly transport: ClientTransport;
  /** Every message the transport handed to the SDK. */
  readonly received: JSONRPCMessage[] = [];
  /** Everything that came through `onerror`. */
  readonly errors: Error[] = [];
  closes = 0;
  readonly #watch: Watch;
  readonly #patience: RequestOptions;

  constructor(transport: ClientTransport, patienceMs: number, options: TestClientOptions = {}) {
    this.transport = transport;
    this.#patience = { timeout: patienceMs };
    this.#watch = new Watch(patienceMs);
    this.#tap();
    this.sdk = new Client(
      { name: 'contract-client', version: '3.2.1' },
      { capabilities: { sampling: {}, elicitation: {}, roots: { listChanged: true } } },
    );
    this.#answerServer(options.sample ?? (async (prompt) => `sampled ${prompt}`));
  }

  get sessionId(): string {
    const { sessionId } = this.transport;
    if (sessionId === undefined) throw new Error('The client has no session.');
    return sessionId;
  }

  async connect(): Promise<void> {
    await this.sdk.connect(this.transport, this.#patience);
  }

  /** Calls a tool of the test server; resolves with its whole result. */
  async callTool(name: string, key: string, options?: RequestOptions): Promise<CallToolResult> {
    const params = { name, arguments: { key } };
    return CallToolResultSchema.parse(
      await this.sdk.callTool(params, CallToolResultSchema, { ...this.#patience, ...options }),
    );
  }

  /** Calls a tool of the test server; resolves with the text of its result. */
  call(name: string, key: string, options?: RequestOptions): Promise<string> {
    const text = this.#callForText(name, key, options);
    // A case that fails before it looks is to be reported as such, not as an unhandled rejection.
    text.catch(() => {});
    return text;
  }

  /** The messages of a method that the transport handed to the SDK. */
  messages(method: string): readonly JSONRPCMessage[] {
    return this.received.filter((message) => 'method' in message && message.method === method);
  }

  errorsOf(code: AsyncMcpErrorCode): readonly Error[] {
    return this.errors.filter((error) => isAsyncMcpError(error, code));
  }

  until<T>(what: string, look: () => T | undefined | false): Promise<T> {
    return this.#watch.until(what, look);
  }

  close(): Promise<void> {
    return this.sdk.close();
  }

  async #callForText(name: string, key: string, options?: RequestOptions): Promise<string> {
    const { content, isError } = await this.callTool(name, key, options);
    const text = content.map((one) => (one.type === 'text' ? one.text : one.type)).join('');
    if (isError === true) throw new Error(`Tool ${name} failed: ${text}`);
    return text;
  }

  /** The SDK keeps and calls the handlers that it finds on a transport. */
  #tap(): void {
    this.transport.onmessage = (message) => {
      this.received.push(message);
      this.#watch.changed();
    };
    this.transport.onerror = (error) => {
      this.errors.push(error);
      this.#watch.changed();
    };
    this.transport.onclose = () => {
      this.closes++;
      this.#watch.changed();
    };
  }

  #answerServer(sample: (prompt: string, extra: ClientExtra) => Promise<string>): void {
    this.sdk.setRequestHandler(CreateMessageRequestSchema, async ({ params }, extra) => {
      const [first] = params.messages;
      const content = Array.isArray(first?.content) ? first.content[0] : first?.content;
      const text = await sample(content?.type === 'text' ? content.text : '', extra);
      return { model: 'none', role: 'assistant', content: { type: 'text', text } };
    });
    this.sdk.setRequestHandler(ElicitRequestSchema, ({ params }) => ({
      action: 'accept',
      content: { name: `Ada, asked: ${params.message}` },
    }));
    this.sdk.setRequestHandler(ListRootsRequestSchema, () => ({
      roots: [{ uri: `file:///${this.transport.clientId}` }],
    }));
  }
}
