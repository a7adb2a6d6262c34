import { describe, expect, it } from '@jest/globals';
import { InMemoryEventStore } from '@modelcontextprotocol/sdk/examples/shared/inMemoryEventStore.js';
import { eventsOfSession } from '../src/event-store.js';
import type { AsyncMcpError } from '@asyncmcp/core';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { EventStore } from '../src/index.js';

/** The SDK's name for the stream of a session's own messages. */
const OWN = '_GET_stream';

interface KeptEvent {
  readonly id: string;
  readonly streamId: string;
  readonly text: string;
}

/** Keeps events in the order in which they come. */
function createStore(tellsStreams: boolean): EventStore & { readonly kept: readonly KeptEvent[] } {
  const kept: KeptEvent[] = [];
  return {
    kept,
    async storeEvent(streamId, message) {
      const id = `event-${kept.length}`;
      kept.push({ id, streamId, text: JSON.stringify(message) });
      return id;
    },
    async replayEventsAfter(lastEventId, { send }) {
      const last = kept.findIndex(({ id }) => id === lastEventId);
      const streamId = kept[last]?.streamId ?? '';
      for (const one of kept.slice(last + 1)) {
        if (one.streamId === streamId) await send(one.id, JSON.parse(one.text) as JSONRPCMessage);
      }
      return streamId;
    },
    ...(tellsStreams && {
      getStreamIdForEventId: async (eventId: string) => kept.find(({ id }) => id === eventId)?.streamId,
    }),
  };
}

const message = (method: string) => ({ jsonrpc: '2.0' as const, method });
const nobody = (): void => {};

async function replayed(store: EventStore, lastEventId: string): Promise<[streamId: string, methods: unknown[]]> {
  const methods: unknown[] = [];
  const streamId = await store.replayEventsAfter(lastEventId, {
    send: async (_id, one) => void methods.push('method' in one ? one.method : one),
  });
  return [streamId, methods];
}

describe.each([
  ['that can tell the stream of an event', true],
  ['that cannot', false],
])('the events of a session, in a store %s', (_what, tellsStreams) => {
  it('are kept under names that no other session has, and come back under those of the SDK', async () => {
    const store = createStore(tellsStreams);
    const [mine, other] = [eventsOfSession(store, 'mine', nobody), eventsOfSession(store, 'other', nobody)];
    const first = await mine.storeEvent(OWN, message('first'));
    await other.storeEvent(OWN, message('of another'));
    const inCall = await mine.storeEvent('a-call', message('in a call'));
    await mine.storeEvent(OWN, message('second'));
    await mine.storeEvent('a-call', message('its answer'));
    expect(await mine.getStreamIdForEventId?.(first)).toBe(OWN);
    expect(await replayed(mine, first)).toEqual([OWN, ['second']]);
    expect(await mine.getStreamIdForEventId?.(inCall)).toBe('a-call');
    expect(await replayed(mine, inCall)).toEqual(['a-call', ['its answer']]);
    expect(await mine.eventsAfter(inCall)).toEqual({
      streamId: 'a-call',
      events: [['event-4', message('its answer')]],
    });
    expect(new Set(store.kept.map(({ streamId }) => streamId)).size).toBe(3);
  });

  it('are not there for another, nor are those that nobody has', async () => {
    const store = createStore(tellsStreams);
    const mine = eventsOfSession(store, 'mine', nobody);
    const first = await mine.storeEvent(OWN, message('first'));
    await mine.storeEvent(OWN, message('second'));
    for (const sessionId of ['other', 'min', 'mine2', '', '__proto__']) {
      const other = eventsOfSession(store, sessionId, nobody);
      expect(await other.getStreamIdForEventId?.(first)).toBeUndefined();
      expect(await other.eventsAfter(first)).toBeUndefined();
      await expect(replayed(other, first)).rejects.toThrow(/no such event/);
    }
    for (const eventId of ['unknown', '', '__proto__', 'constructor']) {
      expect(await mine.getStreamIdForEventId?.(eventId)).toBeUndefined();
      await expect(replayed(mine, eventId)).rejects.toThrow(/no such event/);
    }
  });

  it('may be lost by the store: it is told, and who is connected is not to notice', async () => {
    const broken = new Error('the disk is full');
    const fail = async (): Promise<never> => {
      throw broken;
    };
    const store = { storeEvent: fail, replayEventsAfter: fail, ...(tellsStreams && { getStreamIdForEventId: fail }) };
    const told: AsyncMcpError[] = [];
    const mine = eventsOfSession(store, 'mine', (error) => void told.push(error));
    expect(await mine.storeEvent(OWN, message('first'))).toBe('');
    await expect(mine.getStreamIdForEventId?.('any')).rejects.toMatchObject({ code: 'ERR_UNAVAILABLE' });
    await expect(replayed(mine, 'any')).rejects.toMatchObject({ code: 'ERR_UNAVAILABLE' });
    expect(told.map(({ code, cause }) => [code, cause])).toEqual(Array(3).fill(['ERR_UNAVAILABLE', broken]));
  });
});

it('what a store knows not to be there is not asked of it, and is no failure', async () => {
  const told: AsyncMcpError[] = [];
  const store = createStore(true);
  const strict: EventStore = {
    ...store,
    replayEventsAfter: () => Promise.reject(new Error('it only replays what is there')),
  };
  const foreign = await eventsOfSession(store, 'other', nobody).storeEvent(OWN, message('of another'));
  const mine = eventsOfSession(strict, 'mine', (error) => void told.push(error));
  for (const eventId of ['unknown', foreign]) expect(await mine.eventsAfter(eventId)).toBeUndefined();
  expect(told).toEqual([]);
});

it("the SDK's own store, which cuts the stream out of an event's id, can be used", async () => {
  const store = new InMemoryEventStore();
  const [mine, other] = [eventsOfSession(store, 'mine', nobody), eventsOfSession(store, 'other', nobody)];
  const first = await mine.storeEvent(OWN, message('first'));
  expect(await mine.getStreamIdForEventId?.(first)).toBe(OWN);
  expect((await replayed(mine, first))[0]).toBe(OWN);
  await expect(replayed(other, first)).rejects.toThrow(/no such event/);
  expect(await mine.getStreamIdForEventId?.('unknown')).toBeUndefined();
});
