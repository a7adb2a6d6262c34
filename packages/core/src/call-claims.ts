import { createHash, randomUUID } from 'node:crypto';
import { askStore } from './ask-store.js';
import { withDeadline } from './deadline.js';
import { createEnvelope, messageText } from './envelope.js';
import { AsyncMcpError, toAsyncMcpError } from './errors.js';
import { REMEMBERED_MS, identityOf } from './flight.js';
import { pause } from './retry.js';
import { TransientSet } from './transient-set.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { CallOutcome, CallStore } from './call-store.js';
import type { Envelope, InboundEnvelope } from './envelope.js';
import type { Claim, Flight, Outcome } from './flight.js';
import type { Place } from './transient-set.js';

export interface CallClaimsOptions {
  readonly store: CallStore;
  /** A claim that was not renewed for so long is another's, in milliseconds. */
  readonly leaseMs: number;
  /** Told of a store that fails, and of claims that were lost. */
  readonly report: (error: AsyncMcpError) => void;
}

/** What may be done with a call that is not another's. */
export type Claimed = { readonly kind: 'claimed' } | { readonly kind: 'ended'; readonly outcome: Outcome };

/** How soon a call that another process runs is asked for again, in milliseconds; from then on twice as late each time. */
const FIRST_WAIT_MS = 50;

/** The calls that this process has claimed in a store that it shares with others: they run here, and nowhere else meanwhile. */
export class CallClaims {
  readonly #options: CallClaimsOptions;
  readonly #access: StoreAccess;
  readonly #held = new TransientSet<HeldClaim>();
  readonly #waiting = new AbortController();
  readonly #open = new AbortController();
  #renewing: NodeJS.Timeout | undefined;

  constructor(options: CallClaimsOptions) {
    this.#options = options;
    const { store } = options;
    this.#access = (what, question) =>
      askStore(() => question(store), { code: 'ERR_CALL_STORE', what, signal: this.#open.signal });
  }

  /** Begins to renew claims. */
  start(): void {
    this.#renewing = setInterval(() => void this.#renewAll(), renewalMs(this.#options.leaseMs)).unref();
  }

  /**
   * Claims the call of a flight, which gives the claim up when it is settled. Resolves with undefined when another process has it.
   *
   * @throws AsyncMcpError `ERR_CALL_STORE`
   */
  async claim(flight: Flight): Promise<Claimed | undefined> {
    const { leaseMs } = this.#options;
    const id = idOf(flight.envelope);
    const claim = new HeldClaim(id, this.#options, this.#access, (over) => this.#forget(over));
    const state = await this.#access('A call could not be claimed', (store) =>
      store.claim(id, claim.claimant, leaseMs),
    );
    if (state.state === 'held') return undefined;
    if (state.state === 'ended') return { kind: 'ended', outcome: outcomeOf(state.outcome, flight.envelope) };
    claim.place = this.#held.add(claim);
    // It may have been given back meanwhile.
    if (flight.settled) await claim.settled(false);
    else flight.claim = claim;
    return { kind: 'claimed' };
  }

  /**
   * Waits until the call of a flight has ended elsewhere, or is to be run here because whoever had it no longer does.
   *
   * @throws AsyncMcpError `ERR_CALL_STORE`, `ERR_CLOSED`
   */
  async wait(flight: Flight): Promise<Claimed> {
    const mostMs = this.#options.leaseMs / 6;
    for (let waitMs = FIRST_WAIT_MS; ; waitMs *= 2) {
      await pause(Math.min(waitMs, mostMs), this.#waiting.signal);
      const claimed = await this.claim(flight);
      if (claimed !== undefined) return claimed;
    }
  }

  /** Nothing is waited for any more. Claims are still renewed. */
  stopWaiting(): void {
    this.#waiting.abort(closed());
  }

  /** The store is not asked any more. */
  close(): void {
    this.stopWaiting();
    clearInterval(this.#renewing);
    this.#open.abort(closed());
  }

  async #renewAll(): Promise<void> {
    await Promise.all(this.#held.values().map((claim) => claim.renew()));
  }

  #forget({ place }: HeldClaim): void {
    if (place !== undefined) this.#held.delete(place);
  }
}

/**
 * Asks the store something.
 *
 * @param what - how an error that says it failed begins
 * @throws AsyncMcpError `ERR_CALL_STORE`, `ERR_CLOSED`
 */
type StoreAccess = <T>(what: string, question: (store: CallStore) => Promise<T>) => Promise<T>;

/** How often claims are renewed, in milliseconds: a single failure of the store costs none. */
function renewalMs(leaseMs: number): number {
  return leaseMs / 3;
}

function closed(): AsyncMcpError {
  return new AsyncMcpError('ERR_CLOSED', 'The server is closed.');
}

/** A call that this process may run. */
class HeldClaim implements Claim {
  readonly claimant = randomUUID();
  place: Place<HeldClaim> | undefined;
  readonly #id: string;
  readonly #options: CallClaimsOptions;
  readonly #access: StoreAccess;
  readonly #onOver: (claim: HeldClaim) => void;
  #over = false;

  constructor(id: string, options: CallClaimsOptions, access: StoreAccess, onOver: (claim: HeldClaim) => void) {
    this.#id = id;
    this.#options = options;
    this.#access = access;
    this.#onOver = onOver;
  }

  /** Never rejects. */
  async renew(): Promise<void> {
    const { store, leaseMs, report } = this.#options;
    try {
      const renewing = store.renew(this.#id, this.claimant, leaseMs);
      // It is asked again then.
      const timeoutMs = renewalMs(leaseMs);
      if ((await withDeadline(renewing, { timeoutMs, what: 'Asking the store' })) || this.#over) return;
    } catch (error) {
      if (this.#over) return;
      return report(toAsyncMcpError(error, 'ERR_CALL_STORE', 'The claim of a call could not be renewed'));
    }
    this.#leave();
    const text = `The claim of a call ran out after ${leaseMs} ms without being renewed; another server may run the call as well. Raise callLeaseMs if handlers keep the event loop busy for so long.`;
    report(new AsyncMcpError('ERR_LEASE_LOST', text));
  }

  async answering(address: string, envelope: Envelope): Promise<void> {
    const { sessionId, clientId } = envelope;
    let message: string;
    try {
      message = messageText(envelope);
    } catch {
      return; // It cannot be sent either, and is replaced by an error that says so.
    }
    await this.#end({
      reply: {
        address,
        ...(sessionId !== undefined && { sessionId }),
        ...(clientId !== undefined && { clientId }),
        message,
      },
    });
  }

  async settled(done: boolean): Promise<void> {
    if (this.#over) return;
    if (done) return this.#end({});
    this.#leave();
    await this.#tell('The claim of a call could not be given up', (store) => store.release(this.#id, this.claimant));
  }

  async #end(outcome: CallOutcome): Promise<void> {
    this.#leave();
    // The caller is answered all the same. A copy may run the call again once the claim has run out.
    await this.#tell('The outcome of a call could not be written down', (store) =>
      store.end(this.#id, outcome, REMEMBERED_MS),
    );
  }

  async #tell(what: string, fact: (store: CallStore) => Promise<void>): Promise<void> {
    try {
      await this.#access(what, fact);
    } catch (error) {
      this.#options.report(toAsyncMcpError(error, 'ERR_CALL_STORE', what));
    }
  }

  #leave(): void {
    this.#over = true;
    this.#onOver(this);
  }
}

/** Of one length and alphabet whatever a stranger has called the message, and not to be guessed from the ids of another client. */
function idOf(envelope: InboundEnvelope): string {
  return createHash('sha256').update(identityOf(envelope)).digest('base64url');
}

/** A copy goes the way that its own request came. */
function outcomeOf({ reply }: CallOutcome, { via }: InboundEnvelope): Outcome {
  if (reply === undefined) return {};
  const { address, sessionId, clientId } = reply;
  // The text of another process of ours, of a message that was typed there.
  const message = JSON.parse(reply.message) as JSONRPCMessage;
  return { reply: { address, envelope: createEnvelope(message, { sessionId, clientId, via }) } };
}
