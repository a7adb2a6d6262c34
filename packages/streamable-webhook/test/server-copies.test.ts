import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { createDeferred, until } from '@asyncmcp/testkit';
import { MemoryEventStore } from './memory-event-store.js';
import { atTheEnd, call, open, openSession, ping, post, startServer } from './server-system.js';
import type { Socket } from 'node:net';
import type { EventStore } from '../src/index.js';
import type { TestServer } from './server-system.js';

const POST_HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

describe('a copy of a request that is read in the same turn of the event loop as the first', () => {
  /** Writes a call as it stands on the wire, and reads until the connection ends. */
  function onSocket(
    socket: Socket,
    { url, headers }: { url: string; headers: Record<string, string> },
  ): Promise<string> {
    const body = JSON.stringify(call(4, 'slow'));
    const { host, pathname } = new URL(url);
    const all = { ...POST_HEADERS, ...headers, host, connection: 'close', 'content-length': String(body.length) };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
    socket.write(`POST ${pathname} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
    return text(socket);
  }

  /** Both are written while the server reads nothing. */
  async function together(
    server: TestServer,
    ...headers: readonly [Record<string, string>, Record<string, string>]
  ): Promise<{ first: Promise<string>; copy: Promise<string> }> {
    const { url } = server;
    const { hostname, port } = new URL(url);
    const sockets = [connect(Number(port), hostname), connect(Number(port), hostname)] as const;
    atTheEnd(async () => sockets.forEach((socket) => socket.destroy()));
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    // So that the server knows both connections, too.
    const { 'x-message-id': _id, ...unnamed } = headers[1];
    await post(url, ping(3), unnamed);
    const [first, copy] = [
      onSocket(sockets[0], { url, headers: headers[0] }),
      onSocket(sockets[1], { url, headers: headers[1] }),
    ];
    // Nothing is read meanwhile: what was written waits on both connections.
    const blockedUntil = performance.now() + 100;
    while (performance.now() < blockedUntil);
    return { first, copy };
  }

  it('gets the answer in its place', async () => {
    const server = await startServer();
    const { headers } = await openSession(server, { webhook: false });
    const named = { ...headers, 'x-message-id': 'one' };
    const { first, copy } = await together(server, named, named);
    // The first is not kept waiting: its connection ends when the copy takes its place.
    expect(await first).not.toContain('slow and steady');
    server.finish();
    expect(await copy).toMatch(/^HTTP\/1\.1 200 [^]*slow and steady/);
    expect(server.calls).toHaveLength(1);
  });

  it('is handled where the first was refused', async () => {
    const server = await startServer();
    const { headers } = await openSession(server, { webhook: false });
    const named = { ...headers, 'x-message-id': 'one' };
    const { first, copy } = await together(server, { ...named, accept: 'text/html' }, named);
    expect(await first).toMatch(/^HTTP\/1\.1 406 /);
    server.finish();
    expect(await copy).toMatch(/^HTTP\/1\.1 200 [^]*slow and steady/);
    expect(server.calls).toHaveLength(1);
  });

  it('waits for the first, however long the event store takes to let that begin', async () => {
    const events = new MemoryEventStore();
    const [asked, stored] = [createDeferred<void>(), createDeferred<void>()];
    let isSlow = false;
    const eventStore: EventStore = {
      replayEventsAfter: (...args) => events.replayEventsAfter(...args),
      async storeEvent(...event) {
        if (isSlow) asked.resolve();
        if (isSlow) await stored.promise;
        return events.storeEvent(...event);
      },
    };
    const server = await startServer({ eventStore });
    const { headers } = await openSession(server, { webhook: false });
    const named = { ...headers, 'x-message-id': 'named' };
    isSlow = true;
    const first = open('POST', server.url, named, call(4, 'slow'));
    await asked.promise;
    const copies = [open('POST', server.url, named, call(4, 'slow')), open('POST', server.url, named, call(4, 'slow'))];
    for (let turns = 0; turns < 3000; turns++) await turn();
    expect(server.calls).toHaveLength(0);
    isSlow = false;
    stored.resolve();
    const opened = await Promise.all([first, ...copies]);
    server.finish();
    await Promise.all(opened.map((stream) => until(() => stream.ended(), { message: 'the end of a stream' })));
    const answers = opened.flatMap(({ messages }) => messages().filter(({ id }) => id === 4));
    expect(answers).toHaveLength(1);
    expect(server.calls).toHaveLength(1);
    expect(server.errors).toEqual([]);
  });
});
