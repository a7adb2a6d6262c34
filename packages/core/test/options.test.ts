import { describe, expect, it, jest } from '@jest/globals';
import { AsyncMcpError } from '../src/errors.js';
import { checkServerOptions } from '../src/host-options.js';
import { silentLogger } from '../src/logger.js';
import { knownOptions, loggerOption } from '../src/options.js';
import type { ServerOptions } from '../src/host-options.js';

const good: ServerOptions = { createServer: () => ({ connect: async () => {}, close: async () => {} }) };

function failureOf(options: object): unknown {
  try {
    checkServerOptions({ ...good, ...options });
    return undefined;
  } catch (error) {
    return error;
  }
}

describe('server options', () => {
  it('have the documented defaults', () => {
    expect(checkServerOptions(good)).toMatchObject({
      maxSessions: 1000,
      sessionIdleTimeoutMs: 1_800_000,
      sessionTtlMs: 86_400_000,
      concurrency: 100,
      maxAttempts: 3,
      drainTimeoutMs: 30_000,
      callStore: undefined,
      callLeaseMs: 30_000,
    });
  });

  it.each([
    ['createServer', undefined],
    ['createServer', {}],
    ['maxSessions', 0],
    ['maxSessions', '5'],
    ['sessionIdleTimeoutMs', -1],
    ['sessionTtlMs', Number.NaN],
    ['concurrency', 1.5],
    ['maxAttempts', Infinity],
    ['drainTimeoutMs', null],
    ['store', {}],
    ['store', 'redis://'],
    ['callStore', { claim: () => {} }],
    ['callLeaseMs', 999],
    ['logger', { info: () => {} }],
    ['signal', {}],
  ])('refuse %s: %p, naming the option and what is allowed', (name, value) => {
    const failure = failureOf({ [name]: value });
    expect(failure).toBeInstanceOf(AsyncMcpError);
    expect(failure).toMatchObject({ code: 'ERR_INVALID_OPTION', details: { option: name } });
    expect(String(failure)).toMatch(new RegExp(`"${name}".*must be`));
  });

  it('refuse a misspelt name and list the right ones', () => {
    expect(() => knownOptions('SqsServer', { concurency: 5 }, ['concurrency'])).toThrow(/"concurency".*concurrency/);
  });

  it('have a logger that may throw: that becomes a warning, and stops nothing', () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const broken = (): void => {
      throw new Error('disk full');
    };
    const logger = loggerOption({ debug: broken, info: broken, warn: broken, error: broken }, silentLogger);
    for (const level of ['debug', 'info', 'warn', 'error'] as const) logger[level]({}, 'a line');
    expect(warn.mock.calls.map(([warning]) => String(warning))).toEqual(
      Array(4).fill(expect.stringMatching(/disk full/)),
    );
    warn.mockRestore();
  });
});
