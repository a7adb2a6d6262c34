import { createDeferred } from './deferred.js';

/** A wait for something to happen to a queue. */
export interface Wake {
  /** Resolves when the queue was written to, or when the time is up. */
  readonly promise: Promise<void>;
  /** Ends the wait now. */
  cancel(): void;
}

/** Tells waiting long polls that there may be something for them. */
export class EmulatorArrivals {
  readonly #waiting = new Map<Wake, string>();

  /** Armed when it returns: a write between this call and the await of its promise is not missed. */
  next(queueUrl: string, timeoutMs: number): Wake {
    const woken = createDeferred();
    const timer = setTimeout(() => wake.cancel(), timeoutMs);
    const wake: Wake = {
      promise: woken.promise,
      cancel: () => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        woken.resolve();
      },
    };
    this.#waiting.set(wake, queueUrl);
    return wake;
  }

  /** Wakes, in the order they came, those who wait for this queue; all of them when it is not known which it was. */
  notify(queueUrl?: string): void {
    for (const [wake, waitsFor] of this.#waiting) {
      if (queueUrl === undefined || queueUrl === waitsFor) wake.cancel();
    }
  }
}
