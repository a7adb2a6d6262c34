import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { inCohorts } from '../src/cohorts.js';
import type { FastifyReply, FastifyRequest } from 'fastify';

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

function requestOf(name: string): FastifyRequest {
  return { id: name } as FastifyRequest;
}

/** All that handlers do with a reply when something goes wrong. */
function replyWith(send: (error: unknown) => void): FastifyReply {
  return { send } as unknown as FastifyReply;
}

describe('requests that came in one turn of the event loop', () => {
  it('are all read before the first is answered, in the order in which they came', () => {
    const steps: string[] = [];
    const handle = inCohorts(({ id }) => {
      steps.push(`read ${id}`);
      return () => void steps.push(`answered ${id}`);
    });
    for (const name of ['a', 'b', 'c'])
      handle(
        requestOf(name),
        replyWith(() => {}),
      );
    expect(steps).toEqual([]);
    jest.runAllTimers();
    expect(steps).toEqual(['read a', 'read b', 'read c', 'answered a', 'answered b', 'answered c']);
  });

  it('do not keep those of the next turn waiting, nor are kept by them', () => {
    const answered: string[] = [];
    const handle = inCohorts(({ id }) => () => {
      answered.push(id);
      if (id === 'a')
        handle(
          requestOf('next'),
          replyWith(() => {}),
        );
    });
    for (const name of ['a', 'b'])
      handle(
        requestOf(name),
        replyWith(() => {}),
      );
    jest.advanceTimersToNextTimer();
    expect(answered).toEqual(['a', 'b']);
    jest.advanceTimersToNextTimer();
    expect(answered).toEqual(['a', 'b', 'next']);
  });

  it('are answered each, whatever one throws that cannot be told its sender either', () => {
    const [answered, failures]: [string[], unknown[]] = [[], []];
    const handle = inCohorts(({ id }) => () => {
      if (id === 'bad') throw new Error('handling failed');
      answered.push(id);
    });
    const told = replyWith((error) => {
      failures.push(error);
      throw new Error('and so did telling it');
    });
    for (const name of ['a', 'bad', 'b', 'bad', 'c']) handle(requestOf(name), told);
    // As an uncaught exception: nothing is hidden.
    expect(() => jest.advanceTimersToNextTimer()).toThrow('and so did telling it');
    expect(() => jest.advanceTimersToNextTimer()).toThrow('and so did telling it');
    jest.advanceTimersToNextTimer();
    expect(answered).toEqual(['a', 'b', 'c']);
    expect(failures).toHaveLength(2);
  });
});

describe('a request that fails after its answer had begun', () => {
  it('is logged', async () => {
    const failure = new Error('too late');
    const lines: unknown[] = [];
    const log = { error: (...line: unknown[]) => void lines.push(line) };
    const reply = { sent: true, log, send: () => lines.push('sent') } as unknown as FastifyReply;
    inCohorts(() => () => Promise.reject(failure))(requestOf('a'), reply);
    await jest.runAllTimersAsync();
    expect(lines).toEqual([[{ err: failure }, 'a request failed after its answer had begun']]);
  });
});
