import type { JSONRPCErrorResponse, JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { InboundEnvelope } from '@asyncmcp/core';
import type { Inbox, Place } from '@asyncmcp/webhook/parts';
import type { Opening } from './reply-port.js';

/** What an `initialize` came to. */
export type OpeningOutcome =
  | { readonly kind: 'answered'; readonly sessionId: string; readonly message: JSONRPCMessage }
  | { readonly kind: 'refused'; readonly refusal: JSONRPCErrorResponse }
  /** It was not answered, and is not worked on any more. */
  | { readonly kind: 'dropped' };

/** Those who wait for the answer to an `initialize`: a connection of its session is only made with that answer. */
export interface Openings {
  /** Hands an `initialize` in, and waits for what it comes to. A copy of one hears the same. */
  open(envelope: InboundEnvelope, id: RequestId, attempt: number, place: Place): Promise<OpeningOutcome>;
  /** Who waits for a session. */
  of(sessionId: string): readonly Opening[];
}

export function createOpenings(inbox: () => Inbox): Openings {
  const waiting = new Map<string, Opening[]>();

  function add(sessionId: string, opening: Opening): void {
    waiting.set(sessionId, [...(waiting.get(sessionId) ?? []), opening]);
  }

  function remove(sessionId: string, opening: Opening): void {
    const rest = (waiting.get(sessionId) ?? []).filter((one) => one !== opening);
    if (rest.length === 0) waiting.delete(sessionId);
    else waiting.set(sessionId, rest);
  }

  return {
    open: (envelope, id, attempt, place) =>
      new Promise((resolve) => {
        let forget = (): void => {};
        inbox().keep(envelope, attempt, place, {
          taken(sessionId) {
            const opening = {
              id,
              answer: (message: JSONRPCMessage) => resolve({ kind: 'answered', sessionId, message }),
            };
            add(sessionId, opening);
            forget = () => remove(sessionId, opening);
          },
          refuse: (refusal) => resolve({ kind: 'refused', refusal }),
          settled() {
            forget();
            // Unless it was answered.
            resolve({ kind: 'dropped' });
          },
          leave() {
            forget();
            resolve({ kind: 'dropped' });
          },
        });
      }),
    of: (sessionId) => waiting.get(sessionId) ?? [],
  };
}
