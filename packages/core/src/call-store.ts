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
  /** It is the claimant's. */
  | { readonly state: 'claimed' }
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
   * same time, one gets it. Who holds the claim already holds it again, for as long from now.
   */
  claim(id: string, claimant: string, leaseMs: number): Promise<CallState>;
  /** Makes a claim run out `leaseMs` milliseconds from now. Resolves with false, and writes nothing, when it is not the claimant's any more. */
  renew(id: string, claimant: string, leaseMs: number): Promise<boolean>;
  /** Gives a claim up. Does nothing when it is not the claimant's any more. */
  release(id: string, claimant: string): Promise<void>;
  /** Writes down how a call ended, whoever holds it, in place of what was written before; it is known for `ttlMs` milliseconds. */
  end(id: string, outcome: CallOutcome, ttlMs: number): Promise<void>;
}

interface Claim {
  readonly claimant: string;
  readonly expiresAt: number;
}

interface Ending {
  readonly outcome: CallOutcome;
  readonly expiresAt: number;
}

/** A {@link CallStore} for servers of one process: two transports, say, or tests. */
export class MemoryCallStore implements CallStore {
  readonly #claims = new Map<string, Claim>();
  readonly #endings = new Map<string, Ending>();

  /** Calls now kept, claimed or ended, including some that have expired but were not dropped yet. */
  get size(): number {
    return this.#claims.size + this.#endings.size;
  }

  async claim(id: string, claimant: string, leaseMs: number): Promise<CallState> {
    const ending = live(this.#endings.get(id));
    if (ending !== undefined) return { state: 'ended', outcome: structuredClone(ending.outcome) };
    const held = live(this.#claims.get(id));
    if (held !== undefined && held.claimant !== claimant) return { state: 'held' };
    write(this.#claims, id, { claimant, expiresAt: Date.now() + leaseMs });
    return { state: 'claimed' };
  }

  async renew(id: string, claimant: string, leaseMs: number): Promise<boolean> {
    if (live(this.#claims.get(id))?.claimant !== claimant) return false;
    write(this.#claims, id, { claimant, expiresAt: Date.now() + leaseMs });
    return true;
  }

  async release(id: string, claimant: string): Promise<void> {
    if (this.#claims.get(id)?.claimant === claimant) this.#claims.delete(id);
  }

  async end(id: string, outcome: CallOutcome, ttlMs: number): Promise<void> {
    this.#claims.delete(id);
    write(this.#endings, id, { outcome: structuredClone(outcome), expiresAt: Date.now() + ttlMs });
  }
}

function live<T extends { readonly expiresAt: number }>(entry: T | undefined): T | undefined {
  return entry !== undefined && entry.expiresAt > Date.now() ? entry : undefined;
}

/** The least recently written come first, so with one time to live for all, what has expired is dropped up to the first that has not. */
function write<T extends { readonly expiresAt: number }>(entries: Map<string, T>, id: string, entry: T): void {
  entries.delete(id);
  entries.set(id, entry);
  for (const [oldest, { expiresAt }] of entries) {
    if (expiresAt > Date.now()) return;
    entries.delete(oldest);
  }
}
