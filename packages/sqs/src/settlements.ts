import { setMaxListeners } from 'node:events';
import { AsyncMcpError, toAsyncMcpError } from '@asyncmcp/core';
import { createDeletes } from './deletes.js';
import type { InboundEnvelope, Logger, Settlement } from '@asyncmcp/core';
import type { Message, SQSClient } from '@aws-sdk/client-sqs';
import type { DeadLetter } from './dead-letter.js';
import type { Lease } from './leases.js';

/** A received message, for whoever reads the errors about it. */
export interface ConsumedMessage {
  /** SQS's id of the message, not the envelope's. */
  readonly messageId: string;
  /** How often SQS has delivered it, this time included. */
  readonly attempt: number;
  /** What it says. */
  readonly envelope: InboundEnvelope;
}

/** A message that is held until it is settled. */
export interface HeldMessage {
  readonly message: Message;
  readonly info: ConsumedMessage;
  readonly lease: Lease;
  /** Whether it is being deleted: a copy received meanwhile is deleted, too. */
  done: boolean;
}

const DONE = Promise.resolve();

export interface SettlementsOptions {
  readonly sqs: SQSClient;
  readonly queueUrl: string;
  readonly visibilityTimeoutSeconds: number;
  readonly deadLetter: DeadLetter;
  readonly logger: Logger;
  readonly report: (error: AsyncMcpError, info: ConsumedMessage) => void;
  /** Called when a message need not be recognised any more if it is received again. */
  readonly forget: (held: HeldMessage) => void;
}

export interface Settlements {
  /** The three ways to settle a held message. None rejects: what fails is reported, and the message comes again. */
  of(held: HeldMessage): Settlement;
  /** Deletes a further copy of a message that was deleted. */
  deleteCopy(held: HeldMessage, receiptHandle: string): Promise<void>;
  /** Gives up what waits to be written to the dead-letter queue; resolves when every settlement begun is done. */
  close(): Promise<void>;
}

/** Carries out what becomes of messages: deleted, given back, or moved to the dead letters. */
export function createSettlements(options: SettlementsOptions): Settlements {
  const { sqs, queueUrl, visibilityTimeoutSeconds, deadLetter, logger, report, forget } = options;
  const deleteMessage = createDeletes(sqs, queueUrl);
  let running = 0;
  let onIdle = (): void => {};
  const closing = new AbortController();
  // Everything that is being dead-lettered listens to it.
  setMaxListeners(0, closing.signal);

  function ack(held: HeldMessage): Promise<void> {
    const { lease, info } = held;
    if (lease.lost) {
      logger.warn(
        { queueUrl, messageId: info.messageId },
        'handled, but its lease was lost: not deleted, may come again',
      );
      forget(held);
      return DONE;
    }
    held.done = true;
    lease.release();
    return deleteCopy(held, lease.receiptHandle, () => forget(held));
  }

  function deleteCopy({ info }: HeldMessage, receiptHandle: string, onEnd = (): void => {}): Promise<void> {
    return deleteMessage(receiptHandle).then(onEnd, (error: unknown) => {
      report(toAsyncMcpError(error, 'ERR_INTERNAL', 'Deleting failed'), info);
      onEnd();
    });
  }

  async function giveBack(held: HeldMessage, delayMs: number): Promise<void> {
    // At once: it may be received again before SQS has answered, and then it is to be handed out again.
    forget(held);
    try {
      await held.lease.giveBack(delayMs);
    } catch (error) {
      const { messageId } = held.info;
      logger.warn(
        { err: error, queueUrl, messageId },
        'giving a message back failed; it comes back when its lease runs out',
      );
    }
  }

  async function reject(held: HeldMessage, reason: string): Promise<void> {
    const { message, info } = held;
    try {
      // The lease goes on until the copy is written.
      if (!(await deadLetter.send(message, reason, closing.signal))) drop(held, reason);
    } catch (error) {
      if (!closing.signal.aborted) report(toAsyncMcpError(error, 'ERR_INTERNAL', 'Dead-lettering failed'), info);
      return giveBack(held, visibilityTimeoutSeconds * 1_000);
    }
    return ack(held);
  }

  function drop({ message, info }: HeldMessage, reason: string): void {
    const details = { reason, messageId: info.messageId, body: message.Body };
    const text =
      `Message ${info.messageId} was dropped, there being no dead-letter queue: ${reason}. ` +
      `Give queue ${queueUrl} a redrive policy, or set deadLetterQueueUrl.`;
    logger.error({ queueUrl, ...details }, 'message dropped: there is no dead-letter queue');
    report(new AsyncMcpError('ERR_DEAD_LETTERED', text, { details }), info);
  }

  /** Counts a settlement, which never rejects, until it is done. */
  function track(settlement: Promise<void>): Promise<void> {
    running += 1;
    return settlement.then(() => {
      running -= 1;
      if (running === 0) onIdle();
    });
  }

  const ways: Ways = {
    ack: (held) => track(ack(held)),
    retry: (held, delayMs) => track(giveBack(held, delayMs)),
    reject: (held, reason) => track(reject(held, reason)),
  };

  return {
    of: (held) => new HeldSettlement(held, ways),
    deleteCopy: (held, receiptHandle) => track(deleteCopy(held, receiptHandle)),
    async close() {
      closing.abort(new AsyncMcpError('ERR_CLOSED', 'The consumer was closed.'));
      if (running === 0) return;
      await new Promise<void>((resolve) => {
        onIdle = resolve;
      });
    },
  };
}

interface Ways {
  readonly ack: (held: HeldMessage) => Promise<void>;
  readonly retry: (held: HeldMessage, delayMs: number) => Promise<void>;
  readonly reject: (held: HeldMessage, reason: string) => Promise<void>;
}

/** A class, because one is made for every message: an object of closures costs several times as much. */
class HeldSettlement implements Settlement {
  readonly #held: HeldMessage;
  readonly #ways: Ways;

  constructor(held: HeldMessage, ways: Ways) {
    this.#held = held;
    this.#ways = ways;
  }

  ack(): Promise<void> {
    return this.#ways.ack(this.#held);
  }

  retry(delayMs = 0): Promise<void> {
    return this.#ways.retry(this.#held, delayMs);
  }

  reject(reason: string): Promise<void> {
    return this.#ways.reject(this.#held, reason);
  }
}
