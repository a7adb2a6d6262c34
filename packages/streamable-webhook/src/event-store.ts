import { setImmediate as turn } from 'node:timers/promises';
import { toAsyncMcpError } from '@asyncmcp/core';
import type { AsyncMcpError } from '@asyncmcp/core';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';

type Send = (eventId: string, message: JSONRPCMessage) => Promise<void>;

/**
 * Where events of streams are kept, so that a client whose connection broke can go on where it was (`Last-Event-ID`): the SDK's
 * `EventStore`. One store serves all sessions of a server, and may be shared between processes.
 */
export interface EventStore {
  /** Keeps an event and resolves with its id, which names it among the events of all streams. */
  storeEvent(streamId: string, message: JSONRPCMessage): Promise<string>;
  /** The stream of an event; undefined when there is no such event. */
  getStreamIdForEventId?(eventId: string): Promise<string | undefined>;
  /** Sends the events of the same stream that came after one, in order; resolves with the stream's id. */
  replayEventsAfter(
    lastEventId: string,
    options: { send: (eventId: string, message: JSONRPCMessage) => Promise<void> },
  ): Promise<string>;
}

/** The SDK's name for the stream of a session's own messages, the same in every session. Some stores take `_` for a separator. */
const OWN_STREAM = '_GET_stream';
const OWN_STREAM_KEPT = 'own';

/** Events of one stream, in order, each with its id. */
export interface StreamEvents {
  readonly streamId: string;
  readonly events: readonly (readonly [eventId: string, message: JSONRPCMessage])[];
}

/** The events of one session. */
export interface SessionEvents extends EventStore {
  /** What came in a stream after one of its events; undefined where this session has no such event. */
  eventsAfter(lastEventId: string): Promise<StreamEvents | undefined>;
}

/**
 * A store as one session sees it. To the SDK a store is one session's: it names streams alike in all of them, and replays whatever
 * event it is asked for. Here a client that names another session's event hears that there is none.
 *
 * @param onFailed - told of every failure of the store. An event that it does not keep is sent all the same, without an id: who is
 *   connected is not to wait for ever because nobody could come back for the event.
 */
export function eventsOfSession(
  store: EventStore,
  sessionId: string,
  onFailed: (error: AsyncMcpError) => void,
): SessionEvents {
  const prefix = `${sessionId}.`;
  const kept = (streamId: string): string => prefix + (streamId === OWN_STREAM ? OWN_STREAM_KEPT : streamId);
  const original = (keptId: string): string | undefined => {
    if (!keptId.startsWith(prefix)) return undefined;
    const streamId = keptId.slice(prefix.length);
    return streamId === OWN_STREAM_KEPT ? OWN_STREAM : streamId;
  };

  function failed(error: unknown, text: string): AsyncMcpError {
    const failure = toAsyncMcpError(error, 'ERR_UNAVAILABLE', text);
    onFailed(failure);
    return failure;
  }

  async function replayed(lastEventId: string): Promise<StreamEvents | undefined> {
    const events: [string, JSONRPCMessage][] = [];
    let keptId: string;
    try {
      keptId = await store.replayEventsAfter(lastEventId, {
        send: async (eventId, message) => void events.push([eventId, message]),
      });
    } catch (error) {
      throw failed(error, 'The eventStore could not replay events');
    }
    const streamId = original(keptId);
    return streamId === undefined ? undefined : { streamId, events };
  }

  async function streamOf(eventId: string): Promise<string | undefined> {
    if (store.getStreamIdForEventId === undefined) return (await replayed(eventId))?.streamId;
    try {
      const keptId = await store.getStreamIdForEventId(eventId);
      return keptId === undefined ? undefined : original(keptId);
    } catch (error) {
      throw failed(error, 'The eventStore could not tell the stream of an event');
    }
  }

  /** All that came after an event, once it is clear whose it is. */
  async function eventsAfter(lastEventId: string): Promise<StreamEvents | undefined> {
    // A store that can tell is not asked to replay what is not there, or another session's.
    if (store.getStreamIdForEventId !== undefined && (await streamOf(lastEventId)) === undefined) return undefined;
    return replayed(lastEventId);
  }

  async function replay(lastEventId: string, send: Send): Promise<void> {
    const missed = await replayed(lastEventId);
    for (const [eventId, message] of missed?.events ?? []) await send(eventId, message);
  }

  /** Of streams that are being taken up again; each resolves when its stream is there. */
  const replays = new Map<string, Promise<void>>();

  return {
    eventsAfter,
    async storeEvent(streamId, message) {
      let eventId = '';
      try {
        eventId = await store.storeEvent(kept(streamId), message);
      } catch (error) {
        failed(error, 'The eventStore did not keep an event: a client that comes back for it will miss it');
      }
      // The SDK sends an event once it is kept, if the stream is there then, and replays what was kept before it asked. What is kept
      // in between would not be sent at all. What is replayed and then held here is not sent twice: the SDK knows the ids.
      await replays.get(streamId);
      return eventId;
    },
    getStreamIdForEventId: streamOf,
    async replayEventsAfter(lastEventId, { send }) {
      const streamId = await streamOf(lastEventId);
      // The SDK has asked for the stream before, and was told that there is none.
      if (streamId === undefined) throw new Error('There is no such event in this session');
      const replaying = replay(lastEventId, send);
      // The SDK takes the stream up without waiting for anything more.
      const takenUp = replaying.then(
        () => turn(),
        () => turn(),
      );
      replays.set(streamId, takenUp);
      void takenUp.then(() => {
        if (replays.get(streamId) === takenUp) replays.delete(streamId);
      });
      await replaying;
      return streamId;
    },
  };
}
