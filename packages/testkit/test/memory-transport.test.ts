import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MemorySessionStore } from '@asyncmcp/core';
import { openPeer } from '../src/contract/raw-peer.js';
import { TestClient } from '../src/contract/test-client.js';
import { TestServer } from '../src/contract/test-server.js';
import { MemoryBroker } from '../src/memory/broker.js';
import { MemoryClientTransport } from '../src/memory/client-transport.js';
import { createMemoryFixture } from '../src/memory/contract-fixture.js';
import { MemoryServer } from '../src/memory/server.js';
import { until } from '../src/until.js';
import type { MemoryClientTransportOptions } from '../src/memory/client-transport.js';
import type { MemoryServerOptions } from '../src/memory/server.js';

const REQUESTS = 'requests';
const PATIENCE_MS = 5000;

let broker: MemoryBroker;
let test: TestServer;
let closers: (() => Promise<void>)[];

beforeEach(() => {
  broker = new MemoryBroker();
  broker.createQueue(REQUESTS);
  test = new TestServer(PATIENCE_MS);
  closers = [];
});

afterEach(async () => {
  test.gates.openAll();
  for (const close of closers.reverse()) await close();
  broker.close();
});

async function startServer(options: Partial<MemoryServerOptions> = {}): Promise<MemoryServer> {
  const { createServer } = test;
  const server = new MemoryServer({ broker, requestQueue: REQUESTS, createServer, drainTimeoutMs: 500, ...options });
  closers.push(() => server.close());
  await server.start();
  return server;
}

async function connect(options: Partial<MemoryClientTransportOptions> = {}): Promise<TestClient> {
  const transport = new MemoryClientTransport({ broker, requestQueue: REQUESTS, ...options });
  const client = new TestClient(transport, PATIENCE_MS);
  closers.push(() => client.close());
  await client.connect();
  return client;
}

/** Takes a message from the request queue as a process does that is killed before it answers. */
async function takeAndDie(): Promise<void> {
  const { signal } = new AbortController();
  await broker.receive(REQUESTS, { max: 1, leaseMs: 1, signal });
}

describe('MemoryServer and MemoryClientTransport', () => {
  it('answer a call whose first server was killed', async () => {
    const store = new MemorySessionStore();
    const first = await startServer({ store });
    const client = await connect();
    await first.close();
    const call = client.call('echo', 'survived');
    await takeAndDie();
    await startServer({ store });
    expect(await call).toBe('survived');
    expect(client.received.filter((message) => 'result' in message)).toHaveLength(2);
  });

  it('tell the caller that the session is lost when the store died with the server', async () => {
    const first = await startServer();
    const client = await connect();
    await first.close();
    const call = client.call('echo', 'lost');
    await startServer();
    await expect(call).rejects.toMatchObject({ code: -32001 });
    expect(client.errorsOf('ERR_SESSION_LOST')).toHaveLength(1);
  });

  it('answer a call that keeps killing its server with an error, and keep it as a dead letter', async () => {
    const store = new MemorySessionStore();
    const first = await startServer({ store });
    const client = await connect();
    await first.close();
    const call = client.call('echo', 'poison');
    for (let attempt = 1; attempt <= 3; attempt++) await takeAndDie();
    const second = await startServer({ store });
    const codes: string[] = [];
    second.onerror = ({ code }) => codes.push(code);
    await expect(call).rejects.toMatchObject({ code: -32603, data: { code: 'ERR_TOO_MANY_ATTEMPTS', attempts: 4 } });
    expect(test.log.executions).toEqual([]);
    expect(codes).toEqual(['ERR_TOO_MANY_ATTEMPTS']);
    await until(() => broker.deadLetters.length === 1);
    expect(broker.deadLetters[0]?.reason).toMatch(/received 4 times/);
  });

  it('do not run a call twice that takes longer than the lease', async () => {
    await startServer({ leaseMs: 30 });
    const client = await connect();
    const call = client.call('gated', 'long');
    const began = Date.now();
    await test.log.begun('gated', 'long');
    await until(() => Date.now() - began > 150);
    test.gates.open('long');
    expect(await call).toBe('passed long');
    expect(test.log.of('gated')).toHaveLength(1);
    expect(client.transport.counters.duplicates).toBe(0);
  });

  it('send the recorded answer again when an acknowledgement got lost', async () => {
    await startServer({ leaseMs: 30 });
    const client = await connect();
    await until(() => broker.size(REQUESTS) === 0);
    broker.faults.dropAcks(1, (queue) => queue === REQUESTS);
    expect(await client.call('echo', 'once')).toBe('once');
    await until(() => client.transport.counters.duplicates === 1);
    expect(test.log.of('echo')).toHaveLength(1);
  });

  it('drop progress that overtakes nothing any more', async () => {
    await startServer();
    const client = await connect();
    broker.faults.reorderNext(2, (queue) => queue !== REQUESTS);
    const seen: number[] = [];
    const text = await client.call('count', '1', { onprogress: ({ progress }) => seen.push(progress) });
    expect(text).toBe('counted to 1');
    await client.call('echo', 'afterwards');
    expect(seen).toEqual([]);
    expect(client.errors).toEqual([]);
  });

  it('reject a send that the broker does not take', async () => {
    await startServer();
    const client = await connect();
    broker.faults.failSends(1, (queue) => queue === REQUESTS);
    await expect(client.call('echo', 'refused')).rejects.toMatchObject({ code: 'ERR_UNAVAILABLE' });
    expect(await client.call('echo', 'taken')).toBe('taken');
  });

  it('leave a response queue that was given to them, and make no sense of what others left there', async () => {
    await startServer();
    const responseQueue = 'mine';
    const first = await connect({ responseQueue });
    const call = first.call('gated', 'too late');
    await test.log.begun('gated', 'too late');
    await first.close();
    await expect(call).rejects.toThrow(/Connection closed/);
    const second = await connect({ responseQueue });
    const echoed = second.call('gated', 'in time');
    test.gates.open('too late');
    await until(() => second.transport.counters.foreign === 1);
    test.gates.open('in time');
    expect(await echoed).toBe('passed in time');
  });

  it("send the answers to a server's requests to the server that asked", async () => {
    const store = new MemorySessionStore();
    for (const answerQueue of ['answers-1', 'answers-2']) {
      broker.createQueue(answerQueue);
      await startServer({ store, answerQueue });
    }
    const client = await connect();
    const prompts = Array.from({ length: 20 }, (_, index) => `poem ${index}`);
    const answers = await Promise.all(prompts.map((prompt) => client.call('sample', prompt)));
    expect(answers).toEqual(prompts.map((prompt) => `sampled ${prompt}`));
  });

  it('check their options', () => {
    const { createServer } = test;
    expect(() => new MemoryServer({ broker, requestQueue: '', createServer })).toThrow(/"requestQueue"/);
    expect(() => new MemoryServer({ broker, requestQueue: REQUESTS, createServer, leaseMs: 1 })).toThrow(/"leaseMs"/);
    const misspelt = { broker, requestQueue: REQUESTS, createServer, allowReplyto: () => true };
    expect(() => new MemoryServer(misspelt)).toThrow(/no option "allowReplyto"/);
    const unknown = { broker, requestQueue: REQUESTS, replyQueue: 'x' };
    expect(() => new MemoryClientTransport(unknown)).toThrow(/no option "replyQueue"/);
  });
});

describe('a raw peer', () => {
  it('says what it got instead of a message', async () => {
    const fixture = createMemoryFixture();
    const peer = await openPeer(fixture, PATIENCE_MS);
    await fixture.broker.send(peer.address, { body: 'hello', attributes: {} });
    await peer.count('the text', 1, () => true);
    expect(peer.received[0]?.message).toMatchObject({ method: expect.stringContaining('not valid JSON') });
    await peer.close();
    await fixture.close();
  });
});
