import { DuplicateWindow } from '@asyncmcp/core';
import type { Sender, SessionRecord } from '@asyncmcp/core';

export interface ClientSessionsOptions {
  readonly recordOf: (sessionId: string) => Promise<SessionRecord | undefined>;
  /** How long a session lives that is not heard of, in milliseconds. */
  readonly ttlMs: number;
  /** Whether this process knows of all sessions there are. */
  readonly enabled: boolean;
}

const MAX_CLIENTS = 20_000;

/**
 * The session of each client, for messages that do not name theirs: older peers leave it out. Only of clients with one session:
 * whoever opens a session under somebody else's client id must not be sent what that client says.
 */
export interface ClientSessions {
  opened(sender: Sender, sessionId: string): Promise<void>;
  of(sender: Sender): string | undefined;
}

const SEVERAL = Symbol('several sessions');

export function createClientSessions({ recordOf, ttlMs, enabled }: ClientSessionsOptions): ClientSessions {
  // An entry lives for half the time at least.
  const sessions = new DuplicateWindow<string | typeof SEVERAL>({ maxEntries: MAX_CLIENTS, ttlMs: 2 * ttlMs });
  return {
    async opened(sender, sessionId) {
      if (!enabled) return;
      const key = keyOf(sender);
      const known = sessions.get(key);
      if (known === sessionId || known === SEVERAL) return;
      if (known === undefined) return void sessions.add(key, sessionId);
      // Until the store has answered, neither: a message in between is refused.
      sessions.add(key, SEVERAL);
      // A store that fails leaves it open which of them is the one.
      const other = await recordOf(known).catch(() => SEVERAL);
      if (other === undefined) sessions.add(key, sessionId);
    },
    of(sender) {
      const known = sessions.get(keyOf(sender));
      return known === SEVERAL ? undefined : known;
    },
  };
}

function keyOf({ clientId, principal }: Sender): string {
  return JSON.stringify([clientId, principal]);
}
