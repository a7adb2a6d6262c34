import type { InboundEnvelope } from '@asyncmcp/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AttachedClient, ReceiverClients } from './receiver-clients.js';

/** Messages waiting at once. What waits is held in memory, and strangers can make it wait. */
const MAX_WAITING = 20;

/** Pause between two looks whether somebody has a session now: a client learns it without telling. In milliseconds. */
const LOOK_MS = 50;

/** A look takes the longer the more clients there are; then there are fewer, so that nine tenths of the time are left for others. */
const PAUSE_PER_LOOK = 10;

/** What waiting came to: a client, or why there is none. */
export type Waited = AttachedClient | 'nobody' | 'full' | 'closed' | 'gone';

interface Place {
  readonly envelope: InboundEnvelope;
  readonly isGone: () => boolean;
  readonly leave: (outcome: Waited) => void;
}

/** Where messages wait whose client is not there yet: the server may be faster than its client. */
export class WaitingRoom {
  readonly #clients: ReceiverClients;
  readonly #waitMs: number;
  readonly #places = new Set<Place>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** @param waitMs - how long a message waits, in milliseconds; 0: not at all */
  constructor(clients: ReceiverClients, waitMs: number) {
    this.#clients = clients;
    this.#waitMs = waitMs;
  }

  /** How many messages wait. */
  get size(): number {
    return this.#places.size;
  }

  /** Resolves when there is a client for the message, or it need not wait any longer: also because its sender has hung up. */
  wait(envelope: InboundEnvelope, { raw: request }: FastifyRequest, { raw: response }: FastifyReply): Promise<Waited> {
    // Of several requests sent ahead over one connection, only the first one's response is told that it is closed.
    const isGone = (): boolean => response.destroyed || request.socket.destroyed;
    const refused = this.#clients.hasLeft(envelope) ? 'nobody' : this.#refusal(isGone);
    if (refused !== undefined) return Promise.resolve(refused);
    return new Promise((resolve) => {
      const hungUp = (): void => place.leave('gone');
      const timer = setTimeout(() => place.leave('nobody'), this.#waitMs);
      const leave = (outcome: Waited): void => {
        clearTimeout(timer);
        response.off('close', hungUp);
        this.#places.delete(place);
        this.#update();
        resolve(outcome);
      };
      const place: Place = { envelope, isGone, leave };
      response.once('close', hungUp);
      this.#places.add(place);
      this.#update();
    });
  }

  /** A client has come, or may have a session now. */
  look(attached: AttachedClient): void {
    for (const place of this.#places) {
      if (this.#clients.isFor(attached, place.envelope)) place.leave(attached);
    }
  }

  /** Nobody waits from now on. */
  close(): void {
    this.#closed = true;
    this.release();
  }

  /** Nobody waits any longer. */
  release(): void {
    for (const place of this.#places) place.leave('closed');
  }

  #refusal(isGone: () => boolean): Waited | undefined {
    if (this.#closed) return 'closed';
    if (this.#waitMs === 0) return 'nobody';
    if (isGone()) return 'gone';
    return this.#places.size >= MAX_WAITING ? 'full' : undefined;
  }

  #update(pauseMs = LOOK_MS): void {
    if (this.#places.size > 0) {
      this.#timer ??= setTimeout(() => this.#lookAtAll(), pauseMs);
      return;
    }
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #lookAtAll(): void {
    const began = performance.now();
    for (const place of this.#places) {
      // Who waits for a client that is named is woken when that one attaches.
      const found = place.envelope.clientId === undefined ? this.#clients.find(place.envelope) : undefined;
      if (place.isGone()) place.leave('gone');
      else if (found !== undefined) place.leave(found);
    }
    // Only now: whoever left before would have set it for the shorter pause.
    this.#timer = undefined;
    this.#update(Math.max(LOOK_MS, PAUSE_PER_LOOK * (performance.now() - began)));
  }
}
