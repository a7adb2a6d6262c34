import { describe, expect, it } from '@jest/globals';
import { MemorySessionStore } from '@asyncmcp/core';
import { until } from '@asyncmcp/testkit';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { InMemoryEventStore } from '@modelcontextprotocol/sdk/examples/shared/inMemoryEventStore.js';
import { eventsOfSession } from '../src/event-store.js';
import { atTheEnd, call, http, open, openSession, ping, post, startServer, textOf } from './server-system.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { EventStore } from '../src/index.js';

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
  // Answered after the server has seen the end of the connection before.
  await post(server.url, ping(5), headers);
  return lastEventId;
}

describe('a connection cut in mid-call, where events are kept', () => {
  it('is taken up again with Last-Event-ID, and the answer comes there', async () => {
    const server = await startServer({ eventStore: new InMemoryEventStore() });
    const { headers } = await openSession(server, { webhook: false });
    const lastEventId = await cutInMidCall(server, headers);
    const again = await open('GET', server.url, { ...headers, 'last-event-id': lastEventId });
    expect(again.status).toBe(200);
    server.finish();
    expect(textOf(await again.next('the result', ({ id }) => id === 4))).toBe('slow and steady');
    expect(again.messages().filter(({ method }) => method === 'notifications/message')).toEqual([]);
    expect(server.calls).toHaveLength(1);
    expect(server.errors).toEqual([]);
  });

  it('loses nothing of what was said meanwhile', async () => {
    const server = await startServer({ eventStore: new InMemoryEventStore() });
    const { headers } = await openSession(server, { webhook: false });
    const lastEventId = await cutInMidCall(server, headers);
    server.finish();
    await until(() => server.server.sessions.list()[0]?.callsInFlight === 0, { message: 'the end of the call' });
    const again = await open('GET', server.url, { ...headers, 'last-event-id': lastEventId });
    expect(textOf(await again.next('the result', ({ id }) => id === 4))).toBe('slow and steady');
  });

  it("is taken up again by the SDK's own client by itself", async () => {
    const server = await startServer({ eventStore: new InMemoryEventStore(), retryIntervalMs: 10 });
    const client = new Client({ name: 'stock', version: '1.0.0' });
    atTheEnd(() => client.close());
    await client.connect(new StreamableHTTPClientTransport(new URL(server.url)));
    const result = client.callTool({ name: 'slow' });
    await until(() => server.calls.length === 1, { message: 'the call' });
    // As a proxy does that has had enough of a connection.
    server.calls[0]?.closeSSEStream?.();
    server.finish();
    expect(await result).toMatchObject({ content: [{ text: 'slow and steady' }] });
    expect(server.calls).toHaveLength(1);
  });

  it('is taken up again at another process that shares sessions and events', async () => {
    const shared = { eventStore: new InMemoryEventStore(), store: new MemorySessionStore() };
    const one = await startServer(shared);
    const other = await startServer(shared);
    const { headers } = await openSession(one, { webhook: false });
    const lastEventId = await cutInMidCall(one, headers);
    one.finish();
    await until(() => one.server.sessions.list()[0]?.callsInFlight === 0, { message: 'the end of the call' });
    const again = await open('GET', other.url, { ...headers, 'last-event-id': lastEventId });
    expect(textOf(await again.next('the result', ({ id }) => id === 4))).toBe('slow and steady');
  });
});

describe('one store for the events of all sessions', () => {
  it('shows a session nothing of another', async () => {
    const server = await startServer({ eventStore: new InMemoryEventStore() });
    const mine = await openSession(server, { webhook: false });
    const lastEventId = await cutInMidCall(server, mine.headers);
    const other = await openSession(server, { webhook: false });
    const stolen = await http('GET', server.url, { headers: { ...other.headers, 'last-event-id': lastEventId } });
    expect(stolen).toMatchObject({ status: 400 });
    expect(stolen.text).not.toMatch(/working/);
    const invented = await http('GET', server.url, { headers: { ...other.headers, 'last-event-id': 'invented' } });
    expect(invented.status).toBe(400);
  });

  it.each([
    ['that can tell an event’s stream', true],
    ['that cannot', false],
  ])('keeps streams of the same name apart in a store %s', async (_what, tells) => {
    const kept: { id: string; streamId: string; message: JSONRPCMessage }[] = [];
    const store: EventStore = {
      async storeEvent(streamId, message) {
        const id = `event-${kept.length}`;
        kept.push({ id, streamId, message });
        return id;
      },
      async replayEventsAfter(lastEventId, { send }) {
        const last = kept.findIndex(({ id }) => id === lastEventId);
        const streamId = kept[last]?.streamId ?? '';
        for (const one of kept.slice(last + 1)) {
          if (one.streamId === streamId) await send(one.id, one.message);
        }
        return streamId;
      },
      ...(tells && {
        getStreamIdForEventId: async (eventId: string) => kept.find(({ id }) => id === eventId)?.streamId,
      }),
    };
    const [mine, other] = [eventsOfSession(store, 'mine'), eventsOfSession(store, 'other')];
    const message = (method: string) => ({ jsonrpc: '2.0' as const, method });
    const first = await mine.storeEvent('_GET_stream', message('first'));
    await other.storeEvent('_GET_stream', message('of another'));
    await mine.storeEvent('_GET_stream', message('second'));
    const replayed: unknown[] = [];
    const send = async (_id: string, one: object) => void replayed.push(one);
    expect(await mine.getStreamIdForEventId?.(first)).toBe('_GET_stream');
    expect(await mine.replayEventsAfter(first, { send })).toBe('_GET_stream');
    expect(replayed).toEqual([message('second')]);
    expect(await other.getStreamIdForEventId?.(first)).toBeUndefined();
    await expect(other.replayEventsAfter(first, { send })).rejects.toThrow(/no such event/);
    expect(replayed).toHaveLength(1);
  });
});
