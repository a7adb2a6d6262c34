import { deepEqual } from 'node:assert/strict';
import { until } from '../until.js';
import { openPeer } from './raw-peer.js';
import { TestClient } from './test-client.js';
import { TestServer } from './test-server.js';
import type { AsyncMcpError, AsyncMcpErrorCode, ClientTransport, ServerOptions } from '@asyncmcp/core';
import type { Truthy } from '../until.js';
import type { ContractFixture, ContractServer } from './fixture.js';
import type { RawPeer } from './raw-peer.js';
import type { TestClientOptions } from './test-client.js';

const PATIENCE_MS = 10_000;
/** Whatever a case leaves running is not worth waiting for. */
const DRAIN_MS = 1000;

/** The usual scene: one test server behind one server, and one client connected to it. */
export interface Pair {
  readonly test: TestServer;
  readonly server: ContractServer;
  readonly client: TestClient;
}

/** What a case opens on a fixture. Closes all of it in the end, and fails the case for errors it did not expect. */
export class Stage {
  readonly fixture: ContractFixture;
  readonly patienceMs: number;
  /** What the servers reported through `onerror`. */
  readonly serverErrors: AsyncMcpError[] = [];
  readonly #tests: TestServer[] = [];
  readonly #clients: TestClient[] = [];
  readonly #closers: (() => Promise<void>)[] = [];
  readonly #expected = new Set<AsyncMcpErrorCode>();

  constructor(fixture: ContractFixture) {
    this.fixture = fixture;
    this.patienceMs = fixture.patienceMs ?? PATIENCE_MS;
  }

  /** Errors of these codes may be reported; any other fails the case. */
  expectErrors(...codes: AsyncMcpErrorCode[]): void {
    for (const code of codes) this.#expected.add(code);
  }

  testServer(): TestServer {
    const test = new TestServer(this.patienceMs);
    this.#tests.push(test);
    return test;
  }

  /** A started server whose sessions are served by `test`, unless the options make their own. */
  async server(test: TestServer, options: Partial<ServerOptions> = {}): Promise<ContractServer> {
    const { createServer } = test;
    const server = await this.fixture.startServer({ createServer, drainTimeoutMs: DRAIN_MS, ...options });
    server.onerror = (error) => void this.serverErrors.push(error);
    this.#closers.push(() => server.close());
    return server;
  }

  /** A client transport that was not started. */
  transport(options: { readonly clientId?: string } = {}): ClientTransport {
    const transport = this.fixture.createClientTransport(options);
    this.#closers.push(() => transport.close());
    return transport;
  }

  /** A client that is not connected. */
  newClient(options: TestClientOptions = {}): TestClient {
    const { clientId } = options;
    const transport = this.transport(clientId === undefined ? {} : { clientId });
    const client = new TestClient(transport, this.patienceMs, options);
    this.#clients.push(client);
    return client;
  }

  async client(options?: TestClientOptions): Promise<TestClient> {
    const client = this.newClient(options);
    await client.connect();
    return client;
  }

  async pair(serverOptions?: Partial<ServerOptions>, clientOptions?: TestClientOptions): Promise<Pair> {
    const test = this.testServer();
    const server = await this.server(test, serverOptions);
    return { test, server, client: await this.client(clientOptions) };
  }

  async peer(): Promise<RawPeer> {
    const peer = await openPeer(this.fixture, this.patienceMs);
    this.#closers.push(() => peer.close());
    return peer;
  }

  /** A server, and a peer that has opened a session on it. */
  async peerInSession(
    serverOptions?: Partial<ServerOptions>,
  ): Promise<{ test: TestServer; server: ContractServer; peer: RawPeer; sessionId: string }> {
    const test = this.testServer();
    const server = await this.server(test, serverOptions);
    const peer = await this.peer();
    return { test, server, peer, sessionId: await peer.initialize() };
  }

  /** For what tells nobody when it changes: a dead-letter queue, a list of sessions. */
  async eventually<T>(message: string, look: () => T | Promise<T>): Promise<Truthy<T>> {
    return until(look, { message, timeoutMs: this.patienceMs, intervalMs: 5 });
  }

  /** Waits until no call of a server's sessions is under way: all their deliveries are settled. */
  async settled(server: ContractServer): Promise<void> {
    await this.eventually('every call to be settled', () =>
      server.sessions.list().every(({ callsInFlight }) => callsInFlight === 0),
    );
  }

  /** Throws if an error was reported that the case does not expect. */
  checkErrors(): void {
    const reported = [...this.serverErrors, ...this.#clients.flatMap(({ errors }) => errors)];
    const unexpected = reported.filter((error) => !('code' in error && this.#isExpected(error.code)));
    deepEqual(unexpected, [], 'errors were reported that the case does not expect');
  }

  async close(): Promise<void> {
    for (const { gates } of this.#tests) gates.openAll();
    for (const close of this.#closers.reverse()) await close();
  }

  #isExpected(code: unknown): boolean {
    return [...this.#expected].some((expected) => expected === code);
  }
}
