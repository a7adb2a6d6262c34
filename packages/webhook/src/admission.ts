export interface AdmissionOptions {
  /** Most messages in the works at once. */
  readonly maxInFlight: number;
  /** Most of one session. */
  readonly maxPerSession: number;
}

/**
 * Room beyond the limits for what is no request: answers and cancellations must come in while calls wait for them. What a message
 * is, is the sender's word at this point; who lies about it gains this much.
 */
const HEADROOM = 100;

/** How many messages are in the works: a client that sends more than is worked off is told to wait. */
export interface Admission {
  readonly inFlight: number;
  /**
   * Takes a place; undefined where it was taken.
   *
   * @param owner - the session, or the client where there is none yet
   */
  enter(owner: string, isRequest: boolean): 'server-full' | 'session-full' | undefined;
  /** Gives the place back. */
  leave(owner: string): void;
}

export function createAdmission({ maxInFlight, maxPerSession }: AdmissionOptions): Admission {
  const byOwner = new Map<string, number>();
  let inFlight = 0;
  return {
    get inFlight() {
      return inFlight;
    },
    enter(owner, isRequest) {
      const room = isRequest ? 0 : HEADROOM;
      const own = byOwner.get(owner) ?? 0;
      if (inFlight >= maxInFlight + room) return 'server-full';
      if (own >= maxPerSession + room) return 'session-full';
      byOwner.set(owner, own + 1);
      inFlight++;
      return undefined;
    },
    leave(owner) {
      const own = byOwner.get(owner) ?? 0;
      if (own > 1) byOwner.set(owner, own - 1);
      else byOwner.delete(owner);
      inFlight--;
    },
  };
}
