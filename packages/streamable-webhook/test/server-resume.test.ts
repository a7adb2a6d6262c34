import { describe, expect, it } from '@jest/globals';
import { MemorySessionStore } from '@asyncmcp/core';
import { createDeferred, until } from '@asyncmcp/testkit';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { MemoryEventStore } from './memory-event-store.js';
import { atTheEnd, call, http, open, openSession, ping, post, startServer, textOf } from './server-system.js';
import type { EventStore } from '../src/index.js';
import type { OpenStream } from './server-system.js';

/** Waits until a call has begun and its client knows where it is in its stream. */
async function cutInMidCall(
  server: Awaited<ReturnType<typeof startServer>>,
  headers: Record<string, string>,
): Promise<string> {
  const stream = await open('POST', server.url, headers, call(4, 'slow'));
  await stream.next('the log', ({ method }) => method === 'notifications/message');
  const lastEventId = stream.lastEventId();
  if (lastEventId === undefined) throw new Error('The stream has no events that can be named.');
  stream.cut();
  // Answered after the server has seen the end of the connection before, as a rule.
  await post(server.url, ping(5), headers);
  return lastEventId;
}

/** Opens a stream again, as soon as the server has seen the end of the connection that had it. */
async function takeUpAgain(url: string, headers: Record<string, string>, lastEventId: string): Promise<OpenStream> {
  const stream = await open('GET', url, { ...headers, 'last-event-id': lastEventId });
  return stream.status === 409 ? takeUpAgain(url, headers, lastEventId) : stream;
}

describe('a connection cut in mid-call, where events are kept', () => {
  it('is taken up again with Last-Event-ID, and the answer comes there', async () => {
    const server = await startServer({ eventStore: new MemoryEventStore() });
    const { headers } = await openSession(server, { webhook: false });
    const lastEventId = await cutInMidCall(server, headers);
    const again = await takeUpAgain(server.url, headers, lastEventId);
    expect(again.status).toBe(200);
    expect(await http('GET', server.url, { headers: { ...headers, 'last-event-id': lastEventId } })).toMatchObject({
      status: 409,
    });
    // Of this stream there is one; the session's own is another.
    expect(await open('GET', server.url, headers)).toMatchObject({ status: 200 });
    server.finish();
    expect(textOf(await again.next('the result', ({ id }) => id === 4))).toBe('slow and steady');
    await until(() => again.ended(), { message: 'the end of the stream' });
    expect(again.messages().filter(({ method }) => method === 'notifications/message')).toEqual([]);
    expect(server.calls).toHaveLength(1);
    expect(server.errors).toEqual([]);
  });

  it('may be replaced by a copy while the store takes the answer: who waits there has it, too', async () => {
    const events = new MemoryEventStore();
    const taken = createDeferred<void>();
    const asked = createDeferred<void>();
    const eventStore: EventStore = {
      replayEventsAfter: (...args) => events.replayEventsAfter(...args),
      async storeEvent(streamId, message) {
        if ('result' in message && message.id === 4) {
          asked.resolve();
          await taken.promise;
        }
        return events.storeEvent(streamId, message);
      },
    };
    const server = await startServer({ eventStore });
    const { headers } = await openSession(server, { webhook: false });
    const named = { ...headers, 'x-message-id': 'named' };
    await open('POST', server.url, named, call(4, 'slow'));
    await until(() => server.calls.length === 1, { message: 'the call' });
    server.finish();
    await asked.promise;
    const copy = await open('POST', server.url, named, call(4, 'slow'));
    taken.resolve();
    expect(textOf(await copy.next('the result', ({ id }) => id === 4))).toBe('slow and steady');
    await until(() => copy.ended(), { message: 'the end of the stream' });
    expect(server.calls).toHaveLength(1);
    expect(server.errors).toEqual([]);
  });

  it('loses no answer that is kept between what the store replays and the taking up of the stream', async () => {
    const events = new MemoryEventStore();
    const found = createDeferred<void>();
    const kept = createDeferred<void>();
    const replay = createDeferred<void>();
    const streams = new Map<string, string>();
    let replays = 0;
    const eventStore: EventStore = {
      getStreamIdForEventId: async (eventId) => streams.get(eventId),
      async storeEvent(streamId, message) {
        const eventId = await events.storeEvent(streamId, message);
        streams.set(eventId, streamId);
        if ('result' in message && message.id === 4) kept.resolve();
        return eventId;
      },
      async replayEventsAfter(lastEventId, { send }) {
        const missed: Parameters<typeof send>[] = [];
        const streamId = await events.replayEventsAfter(lastEventId, {
          send: async (...event) => void missed.push(event),
        });
        // The first is a look whether all was said; what the second finds is sent.
        replays++;
        if (replays === 2) {
          found.resolve();
          await replay.promise;
        }
        for (const event of missed) await send(...event);
        return streamId;
      },
    };
    const server = await startServer({ eventStore });
    const { headers } = await openSession(server, { webhook: false });
    const lastEventId = await cutInMidCall(server, headers);
    const opening = takeUpAgain(server.url, headers, lastEventId);
    await found.promise;
    server.finish();
    await kept.promise;
    // Answered after what the answer above has set off.
    await post(server.url, ping(6), headers);
    replay.resolve();
    const again = await opening;
    expect(textOf(await again.next('the result', ({ id }) => id === 4))).toBe('slow and steady');
    await until(() => again.ended(), { message: 'the end of the stream' });
    expect(again.messages().filter(({ id }) => id === 4)).toHaveLength(1);
    expect(server.errors).toEqual([]);
  });

  it('loses nothing of what was said meanwhile', async () => {
    const server = await startServer({ eventStore: new MemoryEventStore() });
    const { headers } = await openSession(server, { webhook: false });
    const lastEventId = await cutInMidCall(server, headers);
    server.finish();
    await until(() => server.server.sessions.list()[0]?.callsInFlight === 0, { message: 'the end of the call' });
    const again = await takeUpAgain(server.url, headers, lastEventId);
    expect(textOf(await again.next('the result', ({ id }) => id === 4))).toBe('slow and steady');
  });

  it('is not held open where all was said, and says it again to who asks again', async () => {
    const server = await startServer({ eventStore: new MemoryEventStore(), sessionIdleTimeoutMs: 20 });
    const { headers } = await openSession(server, { webhook: false });
    const lastEventId = await cutInMidCall(server, headers);
    server.finish();
    await until(() => server.server.sessions.list().length === 0, { message: 'the idle session to be freed' });
    for (let time = 0; time < 2; time++) {
      const again = await http('GET', server.url, { headers: { ...headers, 'last-event-id': lastEventId } });
      expect(again).toMatchObject({ status: 200, headers: { 'content-type': 'text/event-stream' } });
      expect(textOf(again.messages.find(({ id }) => id === 4))).toBe('slow and steady');
    }
    await until(() => server.server.sessions.list().length === 0, { message: 'it to be freed again' });
  });

  it('of a batch is held open until the last of its answers', async () => {
    const server = await startServer({ eventStore: new MemoryEventStore() });
    const { headers } = await openSession(server, { webhook: false });
    const stream = await open('POST', server.url, headers, [call(1, 'slow'), ping(2)]);
    await stream.next('the log', ({ method }) => method === 'notifications/message');
    const lastEventId = stream.lastEventId() ?? '';
    await stream.next('the first answer', ({ id }) => id === 2);
    stream.cut();
    await post(server.url, ping(5), headers);
    const again = await takeUpAgain(server.url, headers, lastEventId);
    expect(again.status).toBe(200);
    server.finish();
    expect(textOf(await again.next('the last answer', ({ id }) => id === 1))).toBe('slow and steady');
    await until(() => again.ended(), { message: 'the end of the stream' });
  });

  it('hears that its call was not done, of the next server', async () => {
    const shared = { eventStore: new MemoryEventStore(), store: new MemorySessionStore() };
    const one = await startServer({ ...shared, drainTimeoutMs: 50 });
    const { headers } = await openSession(one, { webhook: false });
    const lastEventId = await cutInMidCall(one, headers);
    await one.server.close();
    const other = await startServer(shared);
    const again = await http('GET', other.url, { headers: { ...headers, 'last-event-id': lastEventId } });
    const answers = again.messages.filter(({ id }) => id === 4);
    expect(answers).toMatchObject([{ error: { data: { code: 'ERR_CLOSED' } } }]);
  });

  it('hears once what became of a call that was cancelled, or was not done', async () => {
    const server = await startServer({ eventStore: new MemoryEventStore(), drainTimeoutMs: 50 });
    const { headers } = await openSession(server, { webhook: false });
    const cancelled = post(server.url, call(1, 'slow'), headers);
    await until(() => server.calls.length === 1, { message: 'the call' });
    await post(server.url, { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } }, headers);
    // Where a client may come back for it, an end without an answer would be none.
    expect((await cancelled).messages.filter(({ id }) => id === 1)).toMatchObject([{ error: { code: -32603 } }]);
    const notDone = post(server.url, [call(2, 'slow'), call(3, 'slow')], headers);
    await until(() => server.calls.length === 3, { message: 'the calls' });
    await server.server.close();
    const answers = (await notDone).messages.filter(({ id }) => id !== undefined);
    expect(answers).toHaveLength(2);
    expect(new Set(answers.map(({ id }) => id))).toEqual(new Set([2, 3]));
  });

  it("is taken up again by the SDK's own client after the network has failed, its own stream, too", async () => {
    const server = await startServer({ eventStore: new MemoryEventStore(), retryIntervalMs: 10 });
    const client = new Client({ name: 'stock', version: '1.0.0' });
    atTheEnd(() => client.close());
    let network = new AbortController();
    let heard = 0;
    let streams = 0;
    let answers = 0;
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => void heard++);
    const transport = new StreamableHTTPClientTransport(new URL(server.url), {
      async fetch(url, init) {
        const signals = [network.signal, ...(init?.signal ? [init.signal] : [])];
        const answer = await fetch(url, { ...init, signal: AbortSignal.any(signals) });
        if (init?.method === 'GET' && answer.ok) streams++;
        if (init?.method === 'POST') answers++;
        return answer;
      },
      reconnectionOptions: {
        initialReconnectionDelay: 10,
        maxReconnectionDelay: 10,
        reconnectionDelayGrowFactor: 1,
        maxRetries: 100,
      },
    });
    await client.connect(transport);
    await until(() => streams === 1, { message: 'its own stream' });
    server.made[0]?.sendToolListChanged();
    await until(() => heard === 1, { message: 'the first notification' });
    const before = answers;
    const result = client.callTool({ name: 'slow' });
    await until(() => server.calls.length === 1 && answers > before, { message: 'the call, and its stream' });
    const failing = network;
    network = new AbortController();
    failing.abort();
    server.made[0]?.sendToolListChanged();
    server.finish();
    expect(await result).toMatchObject({ content: [{ text: 'slow and steady' }] });
    await until(() => heard === 2, { message: 'the second notification' });
    expect(server.calls).toHaveLength(1);
  });

  it("is taken up again by the SDK's own client by itself", async () => {
    const server = await startServer({ eventStore: new MemoryEventStore(), retryIntervalMs: 10 });
    const client = new Client({ name: 'stock', version: '1.0.0' });
    atTheEnd(() => client.close());
    let resumed = 0;
    const transport = new StreamableHTTPClientTransport(new URL(server.url), {
      async fetch(url, init) {
        const answer = await fetch(url, init);
        if (new Headers(init?.headers).has('last-event-id') && answer.ok) resumed++;
        return answer;
      },
    });
    await client.connect(transport);
    const result = client.callTool({ name: 'slow' });
    await until(() => server.calls.length === 1, { message: 'the call' });
    // As a proxy does that has had enough of a connection.
    server.calls[0]?.closeSSEStream?.();
    await until(() => resumed > 0, { message: 'the client to come back' });
    server.finish();
    expect(await result).toMatchObject({ content: [{ text: 'slow and steady' }] });
    expect(server.calls).toHaveLength(1);
  });

  it('is taken up again at another process that shares sessions and events', async () => {
    const shared = { eventStore: new MemoryEventStore(), store: new MemorySessionStore() };
    const one = await startServer(shared);
    const other = await startServer(shared);
    const { headers } = await openSession(one, { webhook: false });
    const lastEventId = await cutInMidCall(one, headers);
    one.finish();
    await until(() => one.server.sessions.list()[0]?.callsInFlight === 0, { message: 'the end of the call' });
    const again = await takeUpAgain(other.url, headers, lastEventId);
    expect(textOf(await again.next('the result', ({ id }) => id === 4))).toBe('slow and steady');
  });
});

describe('one store for the events of all sessions', () => {
  it('shows a session nothing of another', async () => {
    const server = await startServer({ eventStore: new MemoryEventStore() });
    const mine = await openSession(server, { webhook: false });
    const lastEventId = await cutInMidCall(server, mine.headers);
    const other = await openSession(server, { webhook: false });
    const stolen = await http('GET', server.url, { headers: { ...other.headers, 'last-event-id': lastEventId } });
    expect(stolen).toMatchObject({ status: 400 });
    expect(stolen.text).not.toMatch(/working/);
    const invented = await http('GET', server.url, { headers: { ...other.headers, 'last-event-id': 'invented' } });
    expect(invented.status).toBe(400);
  });

  it.each(['__proto__', 'constructor', 'a_b_c', '../../etc', 'x'.repeat(8000)])(
    'has no event that is made up: %.20s',
    async (lastEventId) => {
      const server = await startServer({ eventStore: new MemoryEventStore() });
      const { headers } = await openSession(server, { webhook: false });
      const answer = await http('GET', server.url, { headers: { ...headers, 'last-event-id': lastEventId } });
      expect(answer).toMatchObject({ status: 400 });
      expect(server.errors).toEqual([]);
    },
  );
});

describe('a store that fails', () => {
  /** Keeps as many events as it is told, and replays none. */
  const failingAfter = (kept: number): EventStore => ({
    async storeEvent() {
      if (kept-- > 0) return 'kept';
      throw new Error('the secret disk is full');
    },
    async replayEventsAfter() {
      throw new Error('the secret disk is gone');
    },
  });

  it.each([0, 1, 2])('after %i events keeps nobody waiting who is connected, and is reported', async (kept) => {
    const server = await startServer({ eventStore: failingAfter(kept) });
    const { headers } = await openSession(server, { webhook: false });
    server.finish();
    const { messages } = await post(server.url, call(1, 'slow', {}, { progressToken: 'p' }), headers);
    expect(messages.map(({ id, method }) => id ?? method)).toEqual([
      'notifications/progress',
      'notifications/message',
      1,
    ]);
    expect(new Set(server.errors.map(({ code }) => code))).toEqual(new Set(['ERR_UNAVAILABLE']));
    expect(server.errors).toHaveLength(4 - kept);
  });

  it('is told of as 503, without what went wrong', async () => {
    const server = await startServer({ eventStore: failingAfter(10) });
    const { headers } = await openSession(server, { webhook: false });
    const answer = await http('GET', server.url, { headers: { ...headers, 'last-event-id': 'kept' } });
    expect(answer).toMatchObject({
      status: 503,
      headers: { 'retry-after': expect.any(String) },
      messages: [{ error: { data: { code: 'ERR_UNAVAILABLE' } } }],
    });
    expect(answer.text).not.toMatch(/secret/);
    expect(server.errors).toMatchObject([{ code: 'ERR_UNAVAILABLE' }]);
  });
});
