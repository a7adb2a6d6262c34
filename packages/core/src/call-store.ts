/** How a call ended. Plain JSON: it survives `JSON.stringify`. */
export interface CallOutcome {
  /** Its answer; none where it was cancelled, say. */
  readonly reply?: {
    /** Where it goes: queue URL, topic ARN or webhook URL. */
    readonly address: string;
    /** The session it belongs to; none where a message was refused that has none. */
    readonly sessionId?: string;
    /** The client it is for. */
    readonly clientId?: string;
    /** The JSON-RPC response, as JSON text. */
    readonly message: string;
  };
}

/** What a {@link CallStore} says of a call that somebody wants to run. */
export type CallState =
  /** It is the claimant's. `times`: how often the call was claimed, this time included, but for claims that were released. */
  | { readonly state: 'claimed'; readonly times: number }
  /** It is another's, who works on it. */
  | { readonly state: 'held' }
  /** It has ended. */
  | { readonly state: 'ended'; readonly outcome: CallOutcome };

/**
 * Where the servers that may get copies of one call say which of them runs it, and how it ended. Implement it on Redis, DynamoDB … for
 * calls to run once however many processes get a copy. A store rejects when it cannot be reached.
 *
 * Ids are made by the servers: 43 characters, of A to Z, a to z, 0 to 9, hyphen and underscore.
 */
export interface CallStore {
  /**
   * Claims a call for `leaseMs` milliseconds, unless it has ended or another's claim has not run out: of several who claim it at the
   * same time, one gets it. Who holds the claim already holds it again, for as long from now; that does not count. How often it was claimed
   * is known for a day at least after a claim has run out: it may be the call that kills who runs it.
   */
  claim(id: string, claimant: string, leaseMs: number): Promise<CallState>;
  /** Makes a claim run out `leaseMs` milliseconds from now. Resolves with false, and writes nothing, when it is not the claimant's any more. */
  renew(id: string, claimant: string, leaseMs: number): Promise<boolean>;
  /** Gives a claim up, as if it had never been. Does nothing when it is not the claimant's any more. */
  release(id: string, claimant: string): Promise<void>;
  /** Writes down how a call ended, whoever holds it, in place of what was written before; it is known for `ttlMs` milliseconds. */
  end(id: string, outcome: CallOutcome, ttlMs: number): Promise<void>;
}

interface Claim {
  /** Undefined when it was given up, and others before it had run out. */
  readonly claimant: string | undefined;
  readonly times: number;
  readonly runsOutAt: number;
  readonly expiresAt: number;
}

interface Ending {
  readonly outcome: CallOutcome;
  readonly expiresAt: number;
}

/** How long it is known how often a call was claimed, in milliseconds. */
const COUNTED_MS = 24 * 60 * 60_000;

/** What an outcome takes beside its answer, in characters. */
const OUTCOME_LENGTH = 200;

/** Most characters of outcomes that a {@link MemoryCallStore} keeps; the oldest are dropped for more. */
const MAX_CHARACTERS = 32 * 1024 * 1024;

/** A {@link CallStore} for servers of one process: two transports, say, or tests. It keeps 32 Mi characters of answers at most. */
export class MemoryCallStore implements CallStore {
  readonly #claims = new Map<string, Claim>();
  readonly #endings = new Map<string, Ending>();
  #characters = 0;

  /** Calls now kept, claimed or ended, including some that have expired but were not dropped yet. */
  get size(): number {
    return this.#claims.size + this.#endings.size;
  }

  async claim(id: string, claimant: string, leaseMs: number): Promise<CallState> {
    const ending = live(this.#endings.get(id));
    if (ending !== undefined) return { state: 'ended', outcome: structuredClone(ending.outcome) };
    const last = live(this.#claims.get(id));
    const isOwn = last?.claimant === claimant;
    if (last !== undefined && !isOwn && last.runsOutAt > Date.now()) return { state: 'held' };
    const times = (last?.times ?? 0) + (isOwn ? 0 : 1);
    this.#hold(id, claimant, times, leaseMs);
    return { state: 'claimed', times };
  }

  async renew(id: string, claimant: string, leaseMs: number): Promise<boolean> {
    const held = this.#claims.get(id);
    if (held?.claimant !== claimant || held.runsOutAt <= Date.now()) return false;
    this.#hold(id, claimant, held.times, leaseMs);
    return true;
  }

  async release(id: string, claimant: string): Promise<void> {
    const held = this.#claims.get(id);
    if (held?.claimant !== claimant) return;
    this.#claims.delete(id);
    if (held.times > 1) this.#hold(id, undefined, held.times - 1, 0);
  }

  async end(id: string, outcome: CallOutcome, ttlMs: number): Promise<void> {
    this.#claims.delete(id);
    this.#drop(id);
    this.#endings.set(id, { outcome: structuredClone(outcome), expiresAt: Date.now() + ttlMs });
    this.#characters += lengthOf(outcome);
    for (const [oldest, { expiresAt }] of this.#endings) {
      if (expiresAt > Date.now() && this.#characters <= MAX_CHARACTERS) return;
      this.#drop(oldest);
    }
  }

  #hold(id: string, claimant: string | undefined, times: number, leaseMs: number): void {
    const runsOutAt = Date.now() + leaseMs;
    // Last again: the least recently written come first, so what has expired is dropped up to the first that has not.
    this.#claims.delete(id);
    this.#claims.set(id, { claimant, times, runsOutAt, expiresAt: runsOutAt + COUNTED_MS });
    for (const [oldest, { expiresAt }] of this.#claims) {
      if (expiresAt > Date.now()) return;
      this.#claims.delete(oldest);
    }
  }

  #drop(id: string): void {
    const ending = this.#endings.get(id);
    if (ending === undefined) return;
    this.#endings.delete(id);
    this.#characters -= lengthOf(ending.outcome);
  }
}

function lengthOf({ reply }: CallOutcome): number {
  return OUTCOME_LENGTH + (reply?.message.length ?? 0);
}

function live<T extends { readonly expiresAt: number }>(entry: T | undefined): T | undefined {
  return entry !== undefined && entry.expiresAt > Date.now() ? entry : undefined;
}
