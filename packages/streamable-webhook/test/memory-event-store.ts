import type { EventId, EventStore, StreamId } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';

interface StoredEvent {
  readonly eventId: EventId;
  readonly streamId: StreamId;
  readonly message: JSONRPCMessage;
}

/** Keeps events in the order in which they came. (The one among the SDK's examples orders those of one millisecond by chance.) */
export class MemoryEventStore implements EventStore {
  readonly #events: StoredEvent[] = [];

  async storeEvent(streamId: StreamId, message: JSONRPCMessage): Promise<EventId> {
    const eventId = `${streamId}_${this.#events.length}`;
    this.#events.push({ eventId, streamId, message });
    return eventId;
  }

  async replayEventsAfter(
    lastEventId: EventId,
    { send }: Parameters<EventStore['replayEventsAfter']>[1],
  ): Promise<StreamId> {
    const last = this.#events.findIndex(({ eventId }) => eventId === lastEventId);
    const streamId = this.#events[last]?.streamId;
    if (streamId === undefined) return '';
    const missed = this.#events.slice(last + 1).filter((event) => event.streamId === streamId);
    for (const { eventId, message } of missed) await send(eventId, message);
    return streamId;
  }
}
