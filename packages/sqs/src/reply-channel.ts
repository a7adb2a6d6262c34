import { AsyncMcpError, toAsyncMcpError } from '@asyncmcp/core';
import { SqsResponseReceiver } from './response-receiver.js';
import { createTemporaryQueue, deleteTemporaryQueue } from './temporary-queue.js';
import { withTeardown } from './undo-log.js';
import type { ClientWireEvents } from '@asyncmcp/core';
import type { AttachOptions, SqsResponseReceiverOptions } from './response-receiver.js';

/** The way in of a client transport. */
export interface ReplyChannel {
  /** Begins to receive; resolves with the queue's URL. A failed open leaves nothing behind, or names in its error what it had to. */
  open(events: ClientWireEvents): Promise<string>;
  /** Stops receiving, also while it is being opened. Idempotent; never rejects. */
  close(): Promise<void>;
}

/** Receives through a receiver that outlives the transport or was made for a queue that does. */
export function createReplyChannel(receiver: SqsResponseReceiver, options: AttachOptions = {}): ReplyChannel {
  let attached: Promise<void> | undefined;
  let client: ClientWireEvents | undefined;
  return {
    async open(events) {
      client = events;
      attached = receiver.attach(events, options);
      await attached;
      return receiver.responseQueueUrl;
    },
    async close() {
      await attached?.catch(() => {}); // open() has told its caller.
      if (client !== undefined) await receiver.detach(client);
    },
  };
}

/** Receives from a queue that is made on open and deleted on close. */
export function createTemporaryReplyChannel(
  options: Omit<SqsResponseReceiverOptions, 'responseQueueUrl'>,
): ReplyChannel {
  const closing = new AbortController();
  let opened: Promise<{ channel: ReplyChannel; queueUrl: string; events: ClientWireEvents }> | undefined;

  async function open(
    events: ClientWireEvents,
  ): Promise<{ channel: ReplyChannel; queueUrl: string; events: ClientWireEvents }> {
    return withTeardown(async (log) => {
      const queueUrl = await createTemporaryQueue(options.sqs, closing.signal);
      log.add({ what: `queue ${queueUrl}`, made: true, undo: () => deleteTemporaryQueue(options.sqs, queueUrl) });
      const channel = createReplyChannel(new SqsResponseReceiver({ ...options, responseQueueUrl: queueUrl }));
      await channel.open(events);
      return { channel, queueUrl, events };
    });
  }

  return {
    async open(events) {
      opened = open(events);
      return (await opened).queueUrl;
    },
    async close() {
      closing.abort(new AsyncMcpError('ERR_CLOSED', 'The transport was closed while it was being started.'));
      const open = await opened?.catch(() => undefined); // open() has told its caller.
      if (open === undefined) return;
      await open.channel.close();
      try {
        await deleteTemporaryQueue(options.sqs, open.queueUrl);
      } catch (error) {
        open.events.failed(
          toAsyncMcpError(error, 'ERR_UNAVAILABLE', `The temporary queue ${open.queueUrl} was left behind`),
        );
      }
    },
  };
}
