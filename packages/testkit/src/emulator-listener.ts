import { once } from 'node:events';
import { createServer } from 'node:http';
import { finished } from 'node:stream/promises';
import { until } from './until.js';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AwsRequest, AwsResponse } from './emulator-backend.js';
import type { Answer, Caller } from './emulator-service.js';

const HOST = '127.0.0.1';

export type AnswerRequest = (request: AwsRequest, caller: Caller) => Promise<Answer | undefined>;

/** The emulator's HTTP server. It can be shut and opened again on its port while the state behind it stays. */
export class EmulatorListener {
  readonly #answer: AnswerRequest;
  readonly #active = new Set<Promise<void>>();
  #server: Server | undefined;
  #port = 0;

  constructor(answer: AnswerRequest) {
    this.#answer = answer;
  }

  get port(): number {
    return this.#port;
  }

  get origin(): string {
    return `http://${HOST}:${this.#port}`;
  }

  get listening(): boolean {
    return this.#server !== undefined;
  }

  /** The first time on `port` (0: any free one), from then on always on the same. */
  async open(port = this.#port): Promise<void> {
    const server = createServer((request, response) => this.#accept(request, response));
    // above the idle time of the clients' own agents: never let them write to a socket that is just being closed
    server.keepAliveTimeout = 120_000;
    server.headersTimeout = 125_000;
    server.listen(port, HOST);
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Like `open`, but waits for a port that a client's outgoing connection was given in the meantime. */
  async reopen(): Promise<void> {
    await until(() => this.open().then(() => true), { message: `port ${this.#port} to be free again` });
  }

  /** Refuses connections and drops those there are, at once. Resolves when what they had asked for has ended. */
  async shut(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
    await Promise.all(this.#active);
  }

  #accept(request: IncomingMessage, response: ServerResponse): void {
    const exchange = this.#exchange(request, response)
      // a broken connection is the client's affair; it sees its side of it
      .catch(() => response.destroy())
      .then(() => void this.#active.delete(exchange));
    this.#active.add(exchange);
  }

  async #exchange(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request;
    const caller: Caller = { origin: this.origin, gone: () => socket.destroyed };
    const answer = await this.#answer(await readRequest(request), caller);
    if (answer === undefined) return;
    if (socket.destroyed || !(await deliver(answer.response, response))) await answer.undelivered?.();
  }
}

async function readRequest(request: IncomingMessage): Promise<AwsRequest> {
  const { method = 'GET', url = '/', headers } = request;
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return { method, url, headers, body: Buffer.concat(chunks) };
}

/** Whether the response was handed to the operating system before the connection broke. */
async function deliver({ status, headers, body }: AwsResponse, response: ServerResponse): Promise<boolean> {
  const { connection: _, 'transfer-encoding': __, ...others } = headers;
  response.writeHead(status, others).end(body);
  return finished(response).then(
    () => true,
    () => false,
  );
}
