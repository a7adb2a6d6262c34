/** Picks the queues a fault applies to. */
export type QueueFilter = (queue: string) => boolean;

type FaultKind = 'duplicate' | 'delay' | 'reorder' | 'fail-send' | 'drop-ack';

interface Fault {
  readonly kind: FaultKind;
  readonly applies: QueueFilter;
  readonly size: number;
  left: number;
}

const everywhere: QueueFilter = () => true;

/** What goes wrong next on a {@link MemoryBroker}: each fault meets a number of messages, then things work again. */
export class MemoryFaults {
  readonly #faults: Fault[] = [];

  /** The next `count` messages are queued twice. */
  duplicateNext(count: number, applies = everywhere): void {
    this.#add('duplicate', count, applies);
  }

  /** The next `count` messages become visible only after `delayMs` milliseconds. */
  delayNext(count: number, delayMs: number, applies = everywhere): void {
    this.#add('delay', count, applies, delayMs);
  }

  /** The next `count` messages arrive in reverse, once the last of them was sent. */
  reorderNext(count: number, applies = everywhere): void {
    this.#add('reorder', count, applies, count);
  }

  /** The next `count` sends fail with `ERR_UNAVAILABLE`. */
  failSends(count: number, applies = everywhere): void {
    this.#add('fail-send', count, applies);
  }

  /** The next `count` acknowledgements get lost: the message comes again when its lease runs out. */
  dropAcks(count: number, applies = everywhere): void {
    this.#add('drop-ack', count, applies);
  }

  /** Uses up one of the faults of a kind that apply to a queue. */
  take(kind: FaultKind, queue: string): { readonly size: number } | undefined {
    const fault = this.#faults.find((one) => one.kind === kind && one.left > 0 && one.applies(queue));
    if (fault !== undefined) fault.left--;
    return fault;
  }

  #add(kind: FaultKind, left: number, applies: QueueFilter, size = 0): void {
    this.#faults.push({ kind, left, applies, size });
  }
}
