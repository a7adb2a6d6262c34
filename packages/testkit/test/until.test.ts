import { describe, expect, it } from '@jest/globals';
import { until } from '../src/until.js';

describe('until', () => {
  it('resolves with the first truthy value', async () => {
    const values = [0, '', undefined, 'there', 'too late'];
    expect(await until(() => values.shift(), { intervalMs: 1 })).toBe('there');
    expect(values).toEqual(['too late']);
  });

  it('awaits an asynchronous condition', async () => {
    let looks = 0;
    expect(await until(async () => ++looks === 3 && { looks }, { intervalMs: 1 })).toEqual({ looks: 3 });
  });

  it('says what it waited for and what it saw last', async () => {
    await expect(until(() => 0, { timeoutMs: 20, message: 'rain' })).rejects.toThrow(
      'Waited 20 ms for rain; it was 0 at last',
    );
  });

  it('makes the message when the time is up', async () => {
    let looks = 0;
    const message = () => `the end after ${looks > 0 ? 'some' : 'no'} looks`;
    await expect(until(() => ++looks < 0, { timeoutMs: 20, message })).rejects.toThrow('for the end after some looks');
  });

  it('takes an error as "not yet"', async () => {
    let looks = 0;
    const condition = () => {
      looks += 1;
      expect(looks).toBe(3);
      return true;
    };
    expect(await until(condition, { intervalMs: 1 })).toBe(true);
  });

  it('gives the last error as the cause', async () => {
    const cause = new Error('no cloud in sight');
    const waiting = until(() => Promise.reject(cause), { timeoutMs: 20, message: 'rain' });
    await expect(waiting).rejects.toMatchObject({ message: expect.stringContaining('no cloud in sight'), cause });
  });

  it('does not hang with its condition', async () => {
    await expect(until(() => new Promise<boolean>(() => {}), { timeoutMs: 20 })).rejects.toThrow('did not return');
  });
});
