import { TransientMap } from '@asyncmcp/core';

/** How much an HTTP server has in the works at most. */
export interface AdmissionOptions {
  /** Most messages in the works at once. */
  readonly maxInFlight: number;
  /** Most of one session; of those whose reply is being delivered, it may have several times as many. */
  readonly maxPerSession: number;
}

/**
 * How many times as many messages of a session as may be in the works may be there in all. A client hears its answer before we hear
 * that it has: one that always has as many calls open as it may would otherwise be told to wait now and then.
 */
const UNDELIVERED_FACTOR = 4;

/** Messages of one session. */
class Counts {
  working = 0;
  present = 0;
}

/**
 * Room beyond the limits for what is no request: answers and cancellations must come in while calls wait for them. What a message
 * is, is the sender's word at this point; who lies about it gains this much.
 */
const HEADROOM = 100;

/** The place of one message among those in the works. Both may be called more than once. */
export interface Place {
  /** The work is done, and what it came to is being delivered: that is for its own session to wait for. */
  answered(): void;
  /** Nothing of the message is left. */
  settled(): void;
}

/** How many messages are in the works: a client that sends more than is worked off is told to wait. */
export interface Admission {
  /**
   * Takes a place.
   *
   * @param owner - the session, or the client where there is none yet
   */
  enter(owner: string, isRequest: boolean): Place | 'server-full' | 'session-full';
}

const NO_PLACE: Place = { answered: () => {}, settled: () => {} };

/** Takes a place for a message. A copy of what is worked on already needs none, and gets one that counts for nothing if it is full. */
export function enterOrCopy(
  admission: Admission,
  owner: string,
  isRequest: boolean,
  isKnown: () => boolean,
): Place | 'server-full' | 'session-full' {
  const place = admission.enter(owner, isRequest);
  return typeof place === 'string' && isKnown() ? NO_PLACE : place;
}

/** Counts what is in the works, and gives places for more as long as there are any. */
export function createAdmission({ maxInFlight, maxPerSession }: AdmissionOptions): Admission {
  const counts = new AllCounts();

  return {
    enter(owner, isRequest) {
      const room = isRequest ? 0 : HEADROOM;
      const own = counts.of(owner);
      if (counts.working >= maxInFlight + room) return 'server-full';
      if (own !== undefined && own.working >= maxPerSession + room) return 'session-full';
      if (own !== undefined && own.present >= UNDELIVERED_FACTOR * maxPerSession + room) return 'session-full';
      return new TakenPlace(owner, own, counts);
    },
  };
}

/** What is in the works, in all and by owner. */
class AllCounts {
  working = 0;
  readonly #byOwner = new TransientMap<string, Counts>();

  of(owner: string): Counts | undefined {
    return this.#byOwner.get(owner);
  }

  /** The counts of an owner who had none. */
  begin(owner: string): Counts {
    const counts = new Counts();
    this.#byOwner.set(owner, counts);
    return counts;
  }

  forget(owner: string): void {
    this.#byOwner.delete(owner);
  }
}

/** A class, because one is made for every message: `TransientMap` says why. */
class TakenPlace implements Place {
  readonly #owner: string;
  readonly #all: AllCounts;
  readonly #own: Counts;
  #state: 'working' | 'answered' | 'settled' = 'working';

  constructor(owner: string, own: Counts | undefined, all: AllCounts) {
    this.#owner = owner;
    this.#all = all;
    this.#own = own ?? all.begin(owner);
    this.#own.working++;
    this.#own.present++;
    all.working++;
  }

  answered(): void {
    if (this.#state !== 'working') return;
    this.#state = 'answered';
    this.#all.working--;
    this.#own.working--;
  }

  settled(): void {
    if (this.#state === 'settled') return;
    this.answered();
    this.#state = 'settled';
    if (--this.#own.present === 0) this.#all.forget(this.#owner);
  }
}
