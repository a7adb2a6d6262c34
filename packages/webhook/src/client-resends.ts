import { TransientMap } from '@asyncmcp/core';
import type { RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { ServerAnswer, ServerRequest } from './client-post.js';

/** A request as far as sending it again is concerned. */
export type Resendable = Pick<ServerRequest, 'attempt' | 'takenBy'>;

/** When and how requests are sent again. */
export interface ResendsOptions<R extends Resendable> {
  /** How long after a request was sent last it is sent again, in milliseconds; 0: never. */
  readonly afterMs: number;
  /** Sends a request; resolves with what its server says of it. */
  readonly post: (request: R) => Promise<ServerAnswer>;
  /** Told when a server refused, or could not be reached; it says whether there is any use in going on. */
  readonly onFailed: (id: RequestId, error: unknown) => Promise<'go on' | 'stop'>;
}

/**
 * Requests that a server has taken and nobody has answered yet, sent again from time to time: a server that was killed has
 * forgotten them. One that works on a request absorbs the copy; one that answered sends its answer again.
 */
export interface Resends<R extends Resendable> {
  /** A request is being sent for the first time. Its answer may be here before the server's yes. */
  sending(id: RequestId, request: R): void;
  /** The server has taken it. */
  taken(id: RequestId, answer: ServerAnswer): void;
  /** It is answered, or nobody waits for it any more. */
  answered(id: RequestId): void;
  /** Sends nothing again any more. */
  close(): void;
}

/** A class, because one is made for every request: core's `TransientMap` says why. */
class Open<R extends Resendable> {
  readonly id: RequestId;
  readonly #request: R;
  #answer: ServerAnswer | undefined;
  sentAt = Date.now();
  sending = true;

  constructor(id: RequestId, request: R) {
    this.id = id;
    this.#request = request;
  }

  /** What a server said of it last. */
  noteAnswer({ attempt, takenBy }: ServerAnswer): void {
    this.#answer = { takenBy, attempt: attempt ?? this.#answer?.attempt };
  }

  /** As it is sent next. */
  get next(): R {
    return this.#answer === undefined ? this.#request : nextSend(this.#request, this.#answer);
  }
}

/** How many times in the interval it is looked for what is due. */
const LOOKS = 4;

/**
 * Copies under way at the same time. Where answers are late because everything is slow, sending all that is open again at once
 * would make it slower.
 */
const AT_ONCE = 16;

/** For the requests of one client transport. */
export function createResends<R extends Resendable>({ afterMs, post, onFailed }: ResendsOptions<R>): Resends<R> {
  const open = new TransientMap<RequestId, Open<R>>();
  let due: Open<R>[] = [];
  let underWay = 0;
  let timer: NodeJS.Timeout | undefined;

  function look(): void {
    if (due.length > 0) return;
    const before = Date.now() - afterMs;
    due = [...open.values()].filter(({ sending, sentAt }) => !sending && sentAt <= before);
    sendDue();
  }

  function sendDue(): void {
    while (underWay < AT_ONCE) {
      const entry = due.shift();
      if (entry === undefined) return;
      if (open.get(entry.id) === entry) void sendAgain(entry);
    }
  }

  async function sendAgain(entry: Open<R>): Promise<void> {
    const { id } = entry;
    entry.sending = true;
    underWay++;
    try {
      entry.noteAnswer(await post(entry.next));
    } catch (error) {
      if (open.get(id) === entry && (await onFailed(id, error)) === 'stop') answered(id);
    } finally {
      entry.sending = false;
      entry.sentAt = Date.now();
      underWay--;
      sendDue();
    }
  }

  function answered(id: RequestId): void {
    open.delete(id);
    if (open.size === 0) stop();
  }

  function stop(): void {
    clearInterval(timer);
    timer = undefined;
  }

  return {
    sending(id, request) {
      if (afterMs > 0) open.set(id, new Open(id, request));
    },
    taken(id, answer) {
      const entry = open.get(id);
      if (entry === undefined) return;
      // A server that does not name itself, such as asyncmcp for Python, does not know copies either: it would run them.
      if (answer.takenBy === undefined) return answered(id);
      entry.noteAnswer(answer);
      entry.sending = false;
      entry.sentAt = Date.now();
      // Waiting for an answer keeps no process alive: the receiver that listens for it does.
      timer ??= setInterval(look, Math.max(1, afterMs / LOOKS)).unref();
    },
    answered,
    close() {
      open.clear();
      due = [];
      stop();
    },
  };
}

/** What is sent next of a request that a server has taken: one that has begun with it counts as one attempt; a copy is not counted. */
export function nextSend<R extends Resendable>(request: R, { attempt, takenBy }: ServerAnswer): R {
  return { ...request, takenBy, attempt: attempt === undefined ? request.attempt : attempt + 1 };
}
