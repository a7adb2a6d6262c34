import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Endpoints } from '../src/delivery-endpoints.js';
import { Endpoint } from '../src/delivery-endpoint.js';
import { Outbox } from '../src/delivery-outbox.js';
import { createUrlGuard } from '../src/url-guard.js';
import type { Health, Pass } from '../src/delivery-circuit.js';

const URL = 'https://hook.example/a?b=c';
const OUTBOX = { maxQueuedPerSession: 1, begin: () => {} };
let log: string[] = [];

beforeEach(() => {
  log = [];
  jest.useFakeTimers({ now: 0 });
});

afterEach(() => {
  const timers = jest.getTimerCount();
  jest.useRealTimers();
  if (timers > 0) throw new Error(`${timers} timers are left`);
});

function endpointOf(url: string, now: () => number = Date.now): Endpoint {
  return new Endpoint(url, new Outbox(OUTBOX), now);
}

function wait(endpoint: Endpoint, name: string, deadline = Number.MAX_SAFE_INTEGER): () => void {
  const enter = (pass: Pass): void => void log.push(`${name} ${pass}`);
  return endpoint.wait({ deadline, enter, expire: () => void log.push(`${name} late`) });
}

function finish(endpoint: Endpoint, pass: Pass, health: Health, retryAfterMs = 0): void {
  endpoint.report(pass, health, retryAfterMs);
  endpoint.leave();
}

/** Requests one after the other, as many as there may be. */
function fail(endpoint: Endpoint, times: number, retryAfterMs = 0): void {
  for (let time = 0; time < times; time++) {
    const pass = endpoint.tryEnter();
    expect(pass).toBeDefined();
    if (pass !== undefined) finish(endpoint, pass, 'ill', retryAfterMs);
  }
}

function paused(retryAfterMs = 0): Endpoint {
  const endpoint = endpointOf(URL);
  fail(endpoint, 5, retryAfterMs);
  return endpoint;
}

describe('an endpoint', () => {
  it('takes 64 requests at once, and then one for each that leaves, in order', () => {
    const endpoint = endpointOf(URL);
    for (let count = 0; count < 64; count++) expect(endpoint.tryEnter()).toBe('free');
    expect(endpoint.tryEnter()).toBeUndefined();
    wait(endpoint, 'a');
    const giveUp = wait(endpoint, 'b');
    wait(endpoint, 'c');
    finish(endpoint, 'free', 'well');
    giveUp();
    finish(endpoint, 'free', 'well');
    expect(log).toEqual(['a free', 'c free']);
    giveUp();
    expect(endpoint.tryEnter()).toBeUndefined();
  });

  it('is paused by five failures in a row, not by fewer', () => {
    const endpoint = endpointOf(URL);
    fail(endpoint, 4);
    expect(endpoint.healthy).toBe(false);
    finish(endpoint, endpoint.tryEnter() ?? 'probe', 'well');
    expect(endpoint.healthy).toBe(true);
    fail(endpoint, 4);
    expect(endpoint.pausedUntil).toBeUndefined();
    fail(endpoint, 1);
    expect(endpoint.pausedUntil).toBe(1000);
    expect(endpoint.tryEnter()).toBeUndefined();
  });

  it('lets one probe pass after a pause; success lets everybody go on', () => {
    const endpoint = paused();
    for (const name of ['a', 'b', 'c']) wait(endpoint, name);
    jest.advanceTimersByTime(999);
    expect(log).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(log).toEqual(['a probe']);
    jest.advanceTimersByTime(600_000);
    expect(endpoint.tryEnter()).toBeUndefined();
    finish(endpoint, 'probe', 'well');
    expect(log).toEqual(['a probe', 'b free', 'c free']);
    expect(endpoint.healthy).toBe(true);
  });

  it('doubles the pause with each probe that fails, up to a minute', () => {
    const endpoint = paused();
    const pauses = Array.from({ length: 9 }, () => {
      const pause = (endpoint.pausedUntil ?? 0) - Date.now();
      wait(endpoint, 'x');
      jest.advanceTimersByTime(pause);
      finish(endpoint, 'probe', 'ill');
      return pause;
    });
    expect(pauses).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
    expect(log).toEqual(Array(9).fill('x probe'));
  });

  it('begins with a short pause again after it was well', () => {
    const endpoint = paused();
    jest.advanceTimersByTime(1000);
    fail(endpoint, 1);
    jest.advanceTimersByTime(2000);
    expect(endpoint.tryEnter()).toBe('probe');
    finish(endpoint, 'probe', 'well');
    fail(endpoint, 5);
    expect(endpoint.pausedUntil).toBe(Date.now() + 1000);
  });

  it('is paused for as long as it asks, also by what was sent before', () => {
    const endpoint = endpointOf(URL);
    const straggler = endpoint.tryEnter() ?? 'probe';
    fail(endpoint, 5, 7000);
    expect(endpoint.pausedUntil).toBe(7000);
    wait(endpoint, 'a');
    finish(endpoint, straggler, 'ill', 9000);
    jest.advanceTimersByTime(8999);
    expect(log).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(log).toEqual(['a probe']);
  });

  it('is not held well by what was sent before', () => {
    const endpoint = endpointOf(URL);
    const straggler = endpoint.tryEnter() ?? 'probe';
    fail(endpoint, 5);
    finish(endpoint, straggler, 'well');
    expect(endpoint.pausedUntil).toBe(1000);
  });

  it('sends another probe where the first one told nothing', () => {
    const endpoint = paused();
    wait(endpoint, 'a');
    wait(endpoint, 'b');
    jest.advanceTimersByTime(1000);
    finish(endpoint, 'probe', 'unknown');
    expect(log).toEqual(['a probe', 'b probe']);
  });

  it('tells at once who waits in vain', () => {
    const endpoint = paused();
    wait(endpoint, 'short', 500);
    expect(log).toEqual(['short late']);
    wait(endpoint, 'probe', 1000);
    wait(endpoint, 'middle', 2999);
    wait(endpoint, 'long', 3000);
    jest.advanceTimersByTime(1000);
    finish(endpoint, 'probe', 'ill');
    expect(log).toEqual(['short late', 'probe probe', 'middle late']);
    jest.advanceTimersByTime(2000);
    expect(log.at(-1)).toBe('long probe');
  });

  it('has a timer only while somebody waits', () => {
    const endpoint = paused();
    expect(jest.getTimerCount()).toBe(0);
    const giveUp = wait(endpoint, 'a');
    expect(jest.getTimerCount()).toBe(1);
    giveUp();
    expect(jest.getTimerCount()).toBe(0);
  });

  it('goes by its timer where the clock stands still', () => {
    const endpoint = endpointOf(URL, () => 0);
    fail(endpoint, 5);
    wait(endpoint, 'a');
    jest.advanceTimersByTime(1000);
    expect(log).toEqual(['a probe']);
  });

  it('does not spin while its pause is over and all places are taken', () => {
    const endpoint = endpointOf(URL);
    for (let count = 0; count < 64; count++) endpoint.tryEnter();
    for (let count = 0; count < 5; count++) endpoint.report('free', 'ill', 0);
    wait(endpoint, 'a');
    jest.advanceTimersByTime(1000);
    expect(log).toEqual([]);
    endpoint.leave();
    expect(log).toEqual(['a probe']);
  });

  it('checks its URL once for all who ask, and again after a refusal', async () => {
    let checks = 0;
    const guard = createUrlGuard();
    const counting = { ...guard, check: (url: string | globalThis.URL) => (checks++, guard.check(url)) };
    const endpoint = endpointOf(URL);
    await Promise.all([endpoint.check(counting), endpoint.check(counting)]);
    expect({ checks, target: endpoint.target }).toEqual({
      checks: 1,
      target: { origin: 'https://hook.example', path: '/a?b=c' },
    });
    const refused = endpointOf('https://127.0.0.1/');
    for (let count = 0; count < 2; count++) {
      await expect(refused.check(counting)).rejects.toMatchObject({ code: 'ERR_REPLY_ADDRESS_REFUSED' });
    }
    expect({ checks, target: refused.target }).toEqual({ checks: 3, target: undefined });
  });
});

describe('endpoints', () => {
  let idle = 0;
  const endpointsOf = (): Endpoints => new Endpoints({ outbox: OUTBOX, now: Date.now, onIdle: () => idle++ });

  beforeEach(() => {
    idle = 0;
  });

  it('are one for each URL while they are used, and forgotten when they are well', () => {
    const endpoints = endpointsOf();
    const [first, again, other] = [endpoints.acquire('a'), endpoints.acquire('a'), endpoints.acquire('b')];
    expect(again).toBe(first);
    expect({ size: endpoints.size, idle: endpoints.idle }).toEqual({ size: 2, idle: false });
    endpoints.release(first);
    endpoints.release(other);
    expect({ size: endpoints.size, idle }).toEqual({ size: 1, idle: 0 });
    endpoints.release(first);
    expect({ size: endpoints.size, idle, isIdle: endpoints.idle }).toEqual({ size: 0, idle: 1, isIdle: true });
  });

  it('are remembered for a while when they are ill', () => {
    const endpoints = endpointsOf();
    const ill = endpoints.acquire('ill');
    fail(ill, 5, 60_000);
    endpoints.release(ill);
    jest.advanceTimersByTime(359_000);
    endpoints.release(endpoints.acquire('other'));
    expect(endpoints.acquire('ill')).toBe(ill);
    endpoints.release(ill);
    jest.advanceTimersByTime(300_001);
    expect(endpoints.acquire('ill')).not.toBe(ill);
  });

  it('are remembered up to a number', () => {
    const endpoints = endpointsOf();
    for (let count = 0; count < 10_050; count++) {
      const endpoint = endpoints.acquire(String(count));
      fail(endpoint, 1);
      endpoints.release(endpoint);
    }
    expect(endpoints.size).toBe(10_000);
  });
});
