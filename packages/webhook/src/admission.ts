export interface AdmissionOptions {
  /** Most messages in the works at once. */
  readonly maxInFlight: number;
  /** Most of one session, those included whose reply is being delivered. */
  readonly maxPerSession: number;
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

export function createAdmission({ maxInFlight, maxPerSession }: AdmissionOptions): Admission {
  const byOwner = new Map<string, number>();
  let inFlight = 0;

  function leave(owner: string): void {
    const own = byOwner.get(owner) ?? 0;
    if (own > 1) byOwner.set(owner, own - 1);
    else byOwner.delete(owner);
  }

  function place(owner: string): Place {
    let working = true;
    let present = true;
    const answered = (): void => {
      if (working) inFlight--;
      working = false;
    };
    const settled = (): void => {
      answered();
      if (present) leave(owner);
      present = false;
    };
    return { answered, settled };
  }

  return {
    enter(owner, isRequest) {
      const room = isRequest ? 0 : HEADROOM;
      const own = byOwner.get(owner) ?? 0;
      if (inFlight >= maxInFlight + room) return 'server-full';
      if (own >= maxPerSession + room) return 'session-full';
      byOwner.set(owner, own + 1);
      inFlight++;
      return place(owner);
    },
  };
}
