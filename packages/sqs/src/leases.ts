import { setMaxListeners } from 'node:events';
import { AsyncMcpError, TransientSet, isAsyncMcpError, retry, toAsyncMcpError } from '@asyncmcp/core';
import { isTransient } from './aws-errors.js';
import { createVisibilityChanges } from './visibility-changes.js';
import type { Logger, Place } from '@asyncmcp/core';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { VisibilityRequest } from './visibility-changes.js';

/** Longest time a message can stay invisible, counted from its receipt: 12 hours (ChangeMessageVisibility). */
const MAX_HOLD_MS = 43_200_000;

/** SQS counts the 12 hours from before we have the message, and refuses what goes beyond by a second. */
const HOLD_MARGIN_MS = 5_000;

/** Longest trying to give a message back, in milliseconds; it comes back by itself when its lease has run out. */
const GIVE_BACK_FOR_MS = 10_000;

export interface LeasesOptions {
  readonly sqs: SQSClient;
  readonly queueUrl: string;
  readonly visibilityTimeoutSeconds: number;
  readonly logger: Logger;
}

/** The exclusive hold on one received message. It is extended until it is released, given back or lost. */
export interface Lease {
  /** The receipt handle that is good now. */
  readonly receiptHandle: string;
  /** Whether it ran out: the message may be with someone else and must not be deleted. */
  readonly lost: boolean;
  /** The same message was received again: goes on with its new receipt handle, even if the lease was lost. */
  renew(receiptHandle: string): void;
  /** Ends the extending, for a message that is going to be deleted. */
  release(): void;
  /**
   * Ends the extending and makes the message visible after `delayMs` milliseconds, or at the 12-hour cap. Nothing to do if
   * the lease is lost: the message is visible already.
   */
  giveBack(delayMs: number): Promise<void>;
}

export interface Leases {
  /** Takes over a message received just now. `onLost` is told once each time its lease runs out. */
  hold(receiptHandle: string, onLost: (error: AsyncMcpError) => void): Lease;
  /** Stops the timer and resolves when no change of visibility is under way. */
  close(): Promise<void>;
}

/** What a lease asks of the {@link Leases} it is one of. */
interface Keeper {
  readonly timeoutMs: number;
  readonly renew: (held: Held, receiptHandle: string) => void;
  readonly settle: (held: Held) => void;
  readonly giveBack: (held: Held, delayMs: number) => Promise<void>;
}

/** A class, because one is made for every message: an object of closures and getters costs many times as much. */
class Held implements Lease {
  readonly onLost: (error: AsyncMcpError) => void;
  readonly #keeper: Keeper;
  receiptHandle: string;
  state: 'held' | 'lost' | 'settled' = 'held';
  receivedAt: number;
  /** When the message becomes visible again unless it is extended. */
  deadline: number;
  /** When to extend next; Infinity while that is being done. All in milliseconds since the epoch. */
  dueAt: number;
  /** Among those that are held. */
  place: Place<Held> | undefined;

  constructor(receiptHandle: string, onLost: (error: AsyncMcpError) => void, keeper: Keeper) {
    const now = Date.now();
    this.receiptHandle = receiptHandle;
    this.onLost = onLost;
    this.#keeper = keeper;
    this.receivedAt = now;
    this.deadline = now + keeper.timeoutMs;
    this.dueAt = now + keeper.timeoutMs / 3;
  }

  get lost(): boolean {
    return this.state === 'lost';
  }

  /** The message was received now, with this receipt handle. */
  receivedAgain(receiptHandle: string): void {
    const now = Date.now();
    this.receiptHandle = receiptHandle;
    this.state = 'held';
    this.receivedAt = now;
    this.deadline = now + this.#keeper.timeoutMs;
    this.dueAt = now + this.#keeper.timeoutMs / 3;
  }

  renew(receiptHandle: string): void {
    this.#keeper.renew(this, receiptHandle);
  }

  release(): void {
    this.#keeper.settle(this);
  }

  giveBack(delayMs: number): Promise<void> {
    return this.#keeper.giveBack(this, delayMs);
  }
}

/**
 * Keeps messages invisible for as long as they are held, with one timer for all of them. Each is extended at a third of
 * the visibility timeout, so that two more tries remain when one fails.
 */
export function createLeases(options: LeasesOptions): Leases {
  const { queueUrl, logger } = options;
  const timeoutMs = options.visibilityTimeoutSeconds * 1_000;
  const changes = createVisibilityChanges(options);
  const held = new TransientSet<Held>();
  const lifetime = new AbortController();
  // Everything that is being given back listens to it.
  setMaxListeners(0, lifetime.signal);
  let timer: NodeJS.Timeout | undefined;
  let timerAt = Infinity;

  function wakeAt(time: number): void {
    if (time >= timerAt || lifetime.signal.aborted) return;
    clearTimeout(timer);
    timerAt = time;
    timer = setTimeout(tick, Math.max(0, time - Date.now()));
  }

  function stopTimer(): void {
    clearTimeout(timer);
    timerAt = Infinity;
  }

  function tick(): void {
    timerAt = Infinity;
    const now = Date.now();
    // What is due soon goes in the same batch.
    const soon = now + timeoutMs / 12;
    let next = Infinity;
    for (const lease of held.values()) {
      if (lease.dueAt <= soon) extend(lease, now);
      next = Math.min(next, lease.dueAt);
    }
    wakeAt(next);
  }

  function extend(lease: Held, now: number): void {
    if (capOf(lease) - lease.deadline >= 1_000) void beat(lease);
    else if (now < lease.deadline) lease.dueAt = lease.deadline;
    else lose(lease, leaseLost('it was held for 12 hours, the longest SQS allows'));
  }

  async function beat(lease: Held): Promise<void> {
    const startedAt = Date.now();
    lease.dueAt = Infinity;
    try {
      const made = await changes.add((now) => (lease.state === 'held' ? extension(lease, now, timeoutMs) : undefined));
      // Settled, or received again meanwhile: renew() has set the times for the new receipt handle.
      if (lease.state !== 'held' || made?.receiptHandle !== lease.receiptHandle) return;
      lease.deadline = made.visibleAt;
      lease.dueAt = made.sentAt + timeoutMs / 3;
    } catch (error) {
      if (lease.state !== 'held' || lease.dueAt !== Infinity) return;
      beatFailed(lease, error, startedAt);
    }
    wakeAt(lease.dueAt);
  }

  function beatFailed(lease: Held, error: unknown, startedAt: number): void {
    const now = Date.now();
    if (isAsyncMcpError(error, 'ERR_LEASE_LOST')) return lose(lease, error);
    if (now >= lease.deadline) return lose(lease, leaseLost('it could not be extended in time', error));
    logger.warn({ err: error, queueUrl }, 'a lease could not be extended, trying again');
    // At once if it was a time limit that ended this one.
    lease.dueAt = Math.min(Math.max(now, startedAt + timeoutMs / 6), lease.deadline);
  }

  function lose(lease: Held, error: AsyncMcpError): void {
    lease.state = 'lost';
    lease.dueAt = Infinity;
    letGo(lease);
    lease.onLost(error);
  }

  function letGo(lease: Held): void {
    if (lease.place !== undefined) held.delete(lease.place);
    lease.place = undefined;
  }

  function settle(lease: Held): void {
    lease.state = 'settled';
    letGo(lease);
    if (held.size === 0) stopTimer();
  }

  async function giveBack(lease: Held, delayMs: number): Promise<void> {
    const wasLost = lease.state === 'lost';
    settle(lease);
    if (wasLost) return;
    const forMs = Math.min(GIVE_BACK_FOR_MS, lease.deadline - Date.now());
    try {
      const add = () => changes.add((now) => postponement(lease, now, delayMs));
      await retry(add, { forMs, signal: lifetime.signal, isTransient });
    } catch (error) {
      // Then the message is visible already, which is what was wanted or cannot be helped.
      if (!isAsyncMcpError(error, 'ERR_LEASE_LOST')) throw toAsyncMcpError(error, 'ERR_INTERNAL', 'Giving back failed');
      logger.debug({ err: error, queueUrl }, 'a message to be given back was visible already');
    }
  }

  function renew(lease: Held, receiptHandle: string): void {
    if (lease.state === 'settled') return;
    lease.receivedAgain(receiptHandle);
    keep(lease);
  }

  function keep(lease: Held): void {
    lease.place ??= held.add(lease);
    wakeAt(lease.dueAt);
  }

  const keeper: Keeper = { timeoutMs, renew, settle, giveBack };

  return {
    hold(receiptHandle, onLost) {
      const lease = new Held(receiptHandle, onLost, keeper);
      keep(lease);
      return lease;
    },
    async close() {
      lifetime.abort();
      held.clear();
      stopTimer();
      await changes.idle();
    },
  };
}

function capOf(lease: Held): number {
  return lease.receivedAt + MAX_HOLD_MS - HOLD_MARGIN_MS;
}

function extension(lease: Held, now: number, timeoutMs: number): VisibilityRequest {
  return { receiptHandle: lease.receiptHandle, seconds: secondsWithin(lease, now, timeoutMs) };
}

function postponement(lease: Held, now: number, delayMs: number): VisibilityRequest {
  return { receiptHandle: lease.receiptHandle, seconds: secondsWithin(lease, now, delayMs) };
}

/** Whole seconds, rounded up, but not beyond the cap. NaN counts as no delay. */
function secondsWithin(lease: Held, now: number, milliseconds: number): number {
  const wanted = Math.ceil(Math.max(0, milliseconds || 0) / 1_000);
  return Math.max(0, Math.min(wanted, Math.floor((capOf(lease) - now) / 1_000)));
}

function leaseLost(why: string, cause?: unknown): AsyncMcpError {
  return new AsyncMcpError(
    'ERR_LEASE_LOST',
    `The lease of the message has ended: ${why}. It may be handled again at the same time.`,
    { cause },
  );
}
