import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { AsyncMcpError } from '@asyncmcp/core';
import { createResends } from '../src/client-resends.js';
import type { Resends } from '../src/client-resends.js';
import type { ServerAnswer, ServerRequest } from '../src/client-post.js';

const REQUEST: ServerRequest = {
  method: 'POST',
  origin: 'http://127.0.0.1',
  path: '/mcp',
  headers: {},
  body: '{}',
  attempt: 1,
};

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

/** Resends after a second, to a server that answers what it is told to. */
function scene(answer: () => Promise<ServerAnswer> = async () => ({ attempt: undefined, takenBy: 'server' })): {
  resends: Resends<ServerRequest>;
  posted: number[];
  failures: unknown[];
} {
  const posted: number[] = [];
  const failures: unknown[] = [];
  const resends = createResends<ServerRequest>({
    afterMs: 1000,
    post: ({ attempt }) => {
      posted.push(attempt);
      return answer();
    },
    onFailed: async (_id, error) => {
      failures.push(error);
      return error instanceof AsyncMcpError && error.code === 'ERR_UNAVAILABLE' ? 'go on' : 'stop';
    },
  });
  return { resends, posted, failures };
}

describe('a request without an answer', () => {
  it('is sent again when its time has come, and again, until it is answered', async () => {
    const { resends, posted } = scene();
    resends.sending(0, REQUEST);
    resends.taken(0, { attempt: 1, takenBy: 'server' });
    await jest.advanceTimersByTimeAsync(900);
    expect(posted).toEqual([]);
    await jest.advanceTimersByTimeAsync(1600);
    expect(posted).toEqual([2, 2]);
    resends.answered(0);
    await jest.advanceTimersByTimeAsync(10_000);
    expect(posted).toHaveLength(2);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('counts the attempts that servers begin, not the copies that they absorb', async () => {
    const answers = [undefined, 2, undefined, 3];
    const { resends, posted } = scene(async () => ({ attempt: answers.shift(), takenBy: 'server' }));
    resends.sending(0, REQUEST);
    resends.taken(0, { attempt: 1, takenBy: 'server' });
    await jest.advanceTimersByTimeAsync(6000);
    expect(posted.slice(0, 5)).toEqual([2, 2, 3, 3, 4]);
    resends.close();
  });

  it('is not sent again while it is being sent', async () => {
    const { resends, posted } = scene(() => new Promise(() => {}));
    resends.sending(0, REQUEST);
    await jest.advanceTimersByTimeAsync(5000);
    expect(posted).toEqual([]);
    resends.taken(0, { attempt: 1, takenBy: 'server' });
    await jest.advanceTimersByTimeAsync(10_000);
    expect(posted).toEqual([2]);
    resends.close();
  });

  it('waits for its turn among many: sixteen are sent again at once, and none that is answered by then', async () => {
    const answers: (() => void)[] = [];
    const { resends, posted } = scene(
      () =>
        new Promise((resolve) => {
          answers.push(() => resolve({ attempt: undefined, takenBy: 'server' }));
        }),
    );
    for (let id = 0; id < 40; id++) {
      resends.sending(id, REQUEST);
      resends.taken(id, { attempt: id, takenBy: 'server' });
    }
    await jest.advanceTimersByTimeAsync(5000);
    expect(posted).toHaveLength(16);
    for (let id = 16; id < 36; id++) resends.answered(id);
    for (const answer of answers.splice(0, 3)) answer();
    await jest.advanceTimersByTimeAsync(0);
    expect(posted.slice(16)).toEqual([37, 38, 39]);
    for (const answer of answers) answer();
    await jest.advanceTimersByTimeAsync(900);
    expect(posted).toHaveLength(19 + 1);
    resends.close();
  });

  it('is forgotten if its answer came before the server’s yes', async () => {
    const { resends, posted } = scene();
    resends.sending(0, REQUEST);
    resends.answered(0);
    resends.taken(0, { attempt: 1, takenBy: 'server' });
    await jest.advanceTimersByTimeAsync(10_000);
    expect([posted, jest.getTimerCount()]).toEqual([[], 0]);
  });

  it('is not sent again to an older server, which would run it twice', async () => {
    const { resends, posted } = scene();
    resends.sending(0, REQUEST);
    resends.taken(0, { attempt: undefined, takenBy: undefined });
    await jest.advanceTimersByTimeAsync(10_000);
    expect([posted, jest.getTimerCount()]).toEqual([[], 0]);
  });

  it('goes on while the server cannot be reached, and stops when it refuses', async () => {
    const errors = [new AsyncMcpError('ERR_UNAVAILABLE', 'down'), new AsyncMcpError('ERR_SESSION_NOT_FOUND', 'gone')];
    const { resends, posted, failures } = scene(async () => {
      throw errors.shift() ?? new Error('asked once too often');
    });
    resends.sending(0, REQUEST);
    resends.taken(0, { attempt: 1, takenBy: 'server' });
    await jest.advanceTimersByTimeAsync(10_000);
    expect(posted).toHaveLength(2);
    expect(failures).toMatchObject([{ code: 'ERR_UNAVAILABLE' }, { code: 'ERR_SESSION_NOT_FOUND' }]);
    expect(jest.getTimerCount()).toBe(0);
  });
});

it('nothing is kept or sent again when that is switched off', async () => {
  const posted: ServerRequest[] = [];
  const post = async (request: ServerRequest): Promise<ServerAnswer> => {
    posted.push(request);
    return { attempt: 1, takenBy: 'server' };
  };
  const resends = createResends<ServerRequest>({ afterMs: 0, post, onFailed: async () => 'stop' });
  resends.sending(0, REQUEST);
  resends.taken(0, { attempt: 1, takenBy: 'server' });
  await jest.advanceTimersByTimeAsync(100_000);
  expect([posted, jest.getTimerCount()]).toEqual([[], 0]);
});
