import { AsyncResource } from 'node:async_hooks';
import { toAsyncMcpError } from '@asyncmcp/core';
import { answerLater } from './http-errors.js';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Answers a request: at once, or when what it resolves with is there. It sends the reply itself. */
export type Answer = () => Promise<unknown> | void;

/** Reads a request, and returns what answers it. Not called in the asynchronous context of the request; never throws. */
export type RequestReader = (request: FastifyRequest, reply: FastifyReply) => Answer;

/** A handler that fastify leaves the reply to. */
export type CohortHandler = (request: FastifyRequest, reply: FastifyReply) => void;

/** A request that waits for the others of its turn, in the asynchronous context that it came with: a tracer's, or the user's own. */
class Waiting extends AsyncResource {
  readonly #request: FastifyRequest;
  readonly #reply: FastifyReply;
  #answer: Answer | undefined;

  constructor(request: FastifyRequest, reply: FastifyReply) {
    super('asyncmcp:request');
    this.#request = request;
    this.#reply = reply;
  }

  read(reader: RequestReader): void {
    this.#answer = reader(this.#request, this.#reply);
  }

  answer(): void {
    if (this.#answer !== undefined) this.runInAsyncScope(answerBy, undefined, this.#answer, this.#reply);
  }
}

/**
 * Makes a handler that takes requests in cohorts: those that were read in one turn of the event loop are handled one right after
 * another at its end, and all that they set going goes on side by side, step by step. Each step then finds its code and data in the
 * processor's caches, where the one before has left them (reading a request, which checks its signature, is a step of its own); and what the cohort sends reaches the other side together, which is then
 * spared waking up for each. Under load that makes calls cheaper by a third and more; a request alone waits for nothing.
 * (Larus and Parkes: Using Cohort Scheduling to Enhance Server Performance, 2002.)
 */
export function inCohorts(reader: RequestReader): CohortHandler {
  let cohort: Waiting[] = [];

  function handleAll(): void {
    const waiting = cohort;
    cohort = [];
    for (const request of waiting) request.read(reader);
    answerFrom(waiting, 0);
  }

  function answerFrom(waiting: readonly Waiting[], first: number): void {
    let next = first;
    try {
      while (next < waiting.length) waiting[next++]?.answer();
    } finally {
      // One has thrown what even fastify could not answer. It takes no other with it.
      if (next < waiting.length) setImmediate(answerFrom, waiting, next);
    }
  }

  return (request, reply) => {
    cohort.push(new Waiting(request, reply));
    if (cohort.length === 1) setImmediate(handleAll);
  };
}

/** Whatever goes wrong is fastify's to answer, as long as it can be. */
function answerBy(answer: Answer, reply: FastifyReply): void {
  answerLater(reply, () => {
    const answered = answer();
    if (!(answered instanceof Promise)) return;
    answered.catch((error: unknown) => {
      if (reply.sent) reply.log.error({ err: error }, 'a request failed after its answer had begun');
      else void reply.send(toAsyncMcpError(error, 'ERR_INTERNAL', 'The request could not be handled'));
    });
  });
}
