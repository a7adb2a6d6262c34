import { createHash, randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { askStore } from './ask-store.js';
import { withDeadline } from './deadline.js';
import { createEnvelope, messageText } from './envelope.js';
import { AsyncMcpError, toAsyncMcpError } from './errors.js';
import { REMEMBERED_MS, identityOf } from './flight.js';
import { pause } from './retry.js';
import { TransientSet } from './transient-set.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { AskStoreOptions } from './ask-store.js';
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
export type Claimed =
  { readonly kind: 'claimed'; readonly times: number } | { readonly kind: 'ended'; readonly outcome: Outcome };

/** How soon a call that another process runs is asked for again, in milliseconds; from then on twice as late each time. */
const FIRST_WAIT_MS = 50;

/** And how late at most: a caller may wait for it here. */
const LAST_WAIT_MS = 5000;

/** How long a store may take, in milliseconds, while the server closes. */
const HURRIED_MS = 2000;

/** The calls that this process has claimed in a store that it shares with others: they run here, and nowhere else meanwhile. */
export class CallClaims {
  readonly #access: ClaimAccess;
  readonly #held = new TransientSet<HeldClaim>();
  readonly #waiting = new AbortController();
  readonly #open = new AbortController();
  readonly #pending = new Set<Promise<void>>();
  #renewing: NodeJS.Timeout | undefined;
  #hurrying: NodeJS.Timeout | undefined;

  constructor({ store, leaseMs, report }: CallClaimsOptions) {
    // One for each call that the store is asked about.
    setMaxListeners(0, this.#waiting.signal, this.#open.signal);
    const { signal } = this.#open;
    this.#access = {
      store,
      leaseMs,
      report,
      signal,
      ask: (what, question, options) =>
        askStore(() => question(store), { code: 'ERR_CALL_STORE', what, signal, ...options }),
      tell: (what, fact) => this.#tell(what, fact),
      forget: ({ place }) => {
        if (place !== undefined) this.#held.delete(place);
      },
    };
  }

  /** Begins to renew claims. */
  start(): void {
    this.#renewing = setInterval(() => void this.#renewAll(), renewalMs(this.#access.leaseMs)).unref();
  }

  /**
   * Claims the call of a flight, which gives the claim up when it is settled. Resolves with undefined when another process has it.
   *
   * @throws AsyncMcpError `ERR_CALL_STORE`
   */
  claim(flight: Flight): Promise<Claimed | undefined> {
    return this.#claim(flight, this.#open.signal);
  }

  async #claim(flight: Flight, signal: AbortSignal): Promise<Claimed | undefined> {
    const { store, leaseMs, ask } = this.#access;
    const claim = new HeldClaim(idOf(flight.envelope), this.#access);
    // What it was not told in time may have been done all the same. If this fails, too, the claim runs out by itself.
    const giveUp = (): void => {
      void Promise.resolve()
        .then(() => store.release(claim.id, claim.claimant))
        .catch(() => {});
    };
    let isGivenUp = false;
    const claiming = ask('A call could not be claimed', () => store.claim(claim.id, claim.claimant, leaseMs), {
      signal,
      onLate: () => isGivenUp && giveUp(),
    });
    const state = await claiming.catch((error: unknown) => {
      isGivenUp = true;
      giveUp();
      throw error;
    });
    if (state.state === 'held') return undefined;
    if (state.state === 'ended') return { kind: 'ended', outcome: outcomeOf(state.outcome, flight.envelope) };
    claim.place = this.#held.add(claim);
    // It may have been given back meanwhile.
    if (flight.settled) await claim.settled(false);
    else flight.claim = claim;
    return { kind: 'claimed', times: state.times };
  }

  /**
   * Waits until the call of a flight has ended elsewhere, or is to be run here because whoever had it no longer does; undefined: until
   * {@link stopWaiting} was called. A store that fails meanwhile is reported, and asked again. Never rejects.
   */
  async wait(flight: Flight): Promise<Claimed | undefined> {
    const { leaseMs, report } = this.#access;
    const { signal } = this.#waiting;
    const mostMs = Math.min(leaseMs / 6, LAST_WAIT_MS);
    for (let waitMs = FIRST_WAIT_MS; ; waitMs *= 2) {
      try {
        await pause(Math.min(waitMs, mostMs), signal);
        const claimed = await this.#claim(flight, signal);
        // Who closes begins with nothing: the flight gives the claim up.
        if (claimed !== undefined) return signal.aborted && claimed.kind === 'claimed' ? undefined : claimed;
      } catch (error) {
        if (!signal.aborted) report(toAsyncMcpError(error, 'ERR_CALL_STORE', 'A call could not be claimed'));
      }
      if (signal.aborted) return undefined;
    }
  }

  /** An outcome that the store has, and that is told once more, is known for as long as if the call had ended now. */
  keep({ envelope }: Flight, { address, envelope: reply }: NonNullable<Outcome['reply']>): void {
    const outcome = recorded(address, reply, messageText(reply));
    void this.#tell('The outcome of a call could not be kept', (store) =>
      store.end(idOf(envelope), outcome, REMEMBERED_MS),
    );
  }

  /** Nothing is waited for any more. Claims are still renewed. */
  stopWaiting(): void {
    this.#waiting.abort(closed());
  }

  /** Whatever the store is told from here on, it has two seconds in all. */
  hurry(): void {
    this.#hurrying ??= setTimeout(() => {
      this.#open.abort(new AsyncMcpError('ERR_CALL_STORE', 'The call store did not answer before the server closed.'));
    }, HURRIED_MS);
  }

  /** Waits for what the store is still being told, as long as {@link hurry} lets it; then it is not asked any more. */
  async close(): Promise<void> {
    this.hurry();
    while (this.#pending.size > 0) await Promise.all(this.#pending);
    clearTimeout(this.#hurrying);
    clearInterval(this.#renewing);
    this.#open.abort(closed());
  }

  async #tell(what: string, fact: (store: CallStore) => Promise<void>): Promise<void> {
    const telling = this.#access.ask(what, fact).catch((error: unknown) => {
      this.#access.report(toAsyncMcpError(error, 'ERR_CALL_STORE', what));
    });
    this.#pending.add(telling);
    await telling;
    this.#pending.delete(telling);
  }

  async #renewAll(): Promise<void> {
    await Promise.all(this.#held.values().map((claim) => claim.renew()));
  }
}

/** What a claim does through the claims of its process. */
interface ClaimAccess extends CallClaimsOptions {
  /** Aborts when the store is not asked any more. */
  readonly signal: AbortSignal;
  /**
   * Asks the store something.
   *
   * @param what - how an error that says it failed begins
   * @throws AsyncMcpError `ERR_CALL_STORE`, `ERR_CLOSED`
   */
  readonly ask: <T>(
    what: string,
    question: (store: CallStore) => Promise<T>,
    options?: Partial<Pick<AskStoreOptions, 'signal' | 'onLate'>>,
  ) => Promise<T>;
  /** Tells it something; a failure is reported. Never rejects. */
  readonly tell: (what: string, fact: (store: CallStore) => Promise<void>) => Promise<void>;
  /** The claim need not be renewed any more. */
  readonly forget: (claim: HeldClaim) => void;
}

/** How often claims are renewed, in milliseconds: a single failure of the store costs none. */
function renewalMs(leaseMs: number): number {
  return leaseMs / 3;
}

function closed(): AsyncMcpError {
  return new AsyncMcpError('ERR_CLOSED', 'The server is closed.');
}

/** A call that this process may run. */
class HeldClaim implements Claim {
  readonly id: string;
  readonly claimant = randomUUID();
  place: Place<HeldClaim> | undefined;
  readonly #access: ClaimAccess;
  /** `ending`: its outcome is being written down, until when it is still renewed. */
  #state: 'held' | 'ending' | 'over' = 'held';

  constructor(id: string, access: ClaimAccess) {
    this.id = id;
    this.#access = access;
  }

  /** Never rejects. */
  async renew(): Promise<void> {
    const { store, leaseMs, signal, report } = this.#access;
    try {
      const renewing = store.renew(this.id, this.claimant, leaseMs);
      // It is asked again then.
      const timeoutMs = renewalMs(leaseMs);
      if (await withDeadline(renewing, { timeoutMs, signal, what: 'Asking the store' })) return;
    } catch (error) {
      if (this.#state === 'held' && !signal.aborted)
        report(toAsyncMcpError(error, 'ERR_CALL_STORE', 'The claim of a call could not be renewed'));
      return;
    }
    if (this.#state !== 'held') return;
    this.#leave();
    const text = `The claim of a call ran out after ${leaseMs} ms without being renewed; another server may run the call as well. Raise callLeaseMs if handlers keep the event loop busy for so long.`;
    report(new AsyncMcpError('ERR_LEASE_LOST', text));
  }

  async answering(address: string, envelope: Envelope): Promise<void> {
    let message: string;
    try {
      message = messageText(envelope);
    } catch {
      return; // It cannot be sent either, and is replaced by an error that says so.
    }
    await this.#end(recorded(address, envelope, message));
  }

  async settled(done: boolean): Promise<void> {
    if (this.#state === 'over') return;
    if (done) return this.#end({});
    this.#leave();
    await this.#access.tell('The claim of a call could not be given up', (store) =>
      store.release(this.id, this.claimant),
    );
  }

  async #end(outcome: CallOutcome): Promise<void> {
    if (this.#state === 'held') this.#state = 'ending';
    // If it fails, the caller is answered all the same. A copy may run the call again once the claim has run out.
    await this.#access.tell('The outcome of a call could not be written down', (store) =>
      store.end(this.id, outcome, REMEMBERED_MS),
    );
    this.#leave();
  }

  #leave(): void {
    this.#state = 'over';
    this.#access.forget(this);
  }
}

/** Of one length and alphabet whatever a stranger has called the message, and not to be guessed from the ids of another client. */
function idOf(envelope: InboundEnvelope): string {
  return createHash('sha256').update(identityOf(envelope)).digest('base64url');
}

function recorded(address: string, { sessionId, clientId }: Envelope, message: string): CallOutcome {
  const ids = { ...(sessionId !== undefined && { sessionId }), ...(clientId !== undefined && { clientId }) };
  return { reply: { address, ...ids, message } };
}

/** A copy goes the way that its own request came. */
function outcomeOf({ reply }: CallOutcome, { via }: InboundEnvelope): Outcome {
  if (reply === undefined) return {};
  const { address, sessionId, clientId } = reply;
  // The text of another process of ours, of a message that was typed there.
  const message = JSON.parse(reply.message) as JSONRPCMessage;
  return { reply: { address, envelope: createEnvelope(message, { sessionId, clientId, via }) } };
}
