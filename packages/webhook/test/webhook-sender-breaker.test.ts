import { afterEach, describe, expect, it } from '@jest/globals';
import { rejectionOf, until } from '@asyncmcp/testkit';
import { allAtOnce, inTurn, status, times } from './hook-server.js';
import { answerTo, createSenders } from './webhook-sender-system.js';
import type { ServerResponse } from 'node:http';

const { sender, hookServer, close } = createSenders();
afterEach(close);

describe('an endpoint that is ill', () => {
  it('gets one probe after a pause, and everything once that was taken', async () => {
    const server = await hookServer(allAtOnce(20, status(500)));
    // Those who fail before the pause begins do not try again before it does.
    const system = sender({ random: () => 1 });
    const sent = Array.from({ length: 20 }, (_, id) => system.send(server.url, answerTo(id, `s${id}`), undefined));
    await system.retried(20);
    const before = server.hooks.length;
    let probe: ServerResponse | undefined;
    server.answer = (_hook, response, number) => {
      if (number === before + 1) probe = response;
      else response.end();
    };
    await server.received(before + 1);
    const other = await hookServer();
    await system.send(other.url, answerTo(1), undefined);
    const late = system.send(server.url, answerTo('late', 'late'), undefined);
    expect(server.hooks).toHaveLength(before + 1);
    probe?.end();
    await Promise.all([...sent, late]);
    expect(server.hooks).toHaveLength(before + 21);
  });

  it('is left alone again where the probe fails, and others are as fast as ever', async () => {
    const server = await hookServer(allAtOnce(10, status(503)));
    const other = await hookServer();
    const system = sender({ random: () => 1 });
    const sent = Array.from({ length: 10 }, (_, id) => system.send(server.url, answerTo(id, `s${id}`), undefined));
    await system.retried(10);
    const before = server.hooks.length;
    server.answer = status(503);
    const paused = performance.now();
    for (let id = 0; id < 50; id++) await system.send(other.url, answerTo(id), undefined);
    expect(server.hooks).toHaveLength(before);
    await server.received(before + 1);
    server.answer = status(200);
    await Promise.all(sent);
    // A second, and then two.
    expect(performance.now() - paused).toBeGreaterThan(2500);
    expect(server.hooks).toHaveLength(before + 11);
  });

  it('is left alone for as long as it asks', async () => {
    const server = await hookServer(inTurn(...times(5, status(429, { 'retry-after': '2' })), status(200)));
    const system = sender();
    await Promise.all([1, 2, 3, 4, 5].map((id) => system.send(server.url, answerTo(id), undefined)));
    const arrivals = server.hooks.map(({ at }) => at);
    expect(arrivals).toHaveLength(10);
    expect((arrivals[5] ?? 0) - (arrivals[0] ?? 0)).toBeGreaterThan(1990);
  });

  it('is not one that answers 404', async () => {
    const server = await hookServer(inTurn(...times(20, status(404)), status(200)));
    const system = sender();
    const before = performance.now();
    await Promise.all(Array.from({ length: 20 }, (_, id) => system.send(server.url, answerTo(id), undefined)));
    expect(performance.now() - before).toBeLessThan(900);
    expect(server.hooks).toHaveLength(40);
  });

  it('is remembered after all that was sent to it failed; what has no time to wait fails at once', async () => {
    const { url, port, close: stop } = await hookServer();
    await stop();
    const system = sender({ retryForMs: 500 });
    const failures = await Promise.all(
      [1, 2, 3, 4, 5].map((id) => rejectionOf(system.send(url, answerTo(id), undefined))),
    );
    const server = await hookServer(status(200), port);
    const failure = await rejectionOf(system.send(url, answerTo(6), undefined));
    for (const error of failures) expect(error).toMatchObject({ code: 'ERR_DELIVERY_FAILED' });
    expect(failure).toMatchObject({
      code: 'ERR_DELIVERY_FAILED',
      message: expect.stringContaining('ECONNREFUSED (0 tries)'),
      details: { attempts: 0 },
    });
    expect(system.undelivered).toHaveLength(6);
    expect(server.hooks).toHaveLength(0);
  });
});

describe('an endpoint that hangs', () => {
  it('has 64 requests at most, and leaves the rest of its origin to others', async () => {
    const waiting: ServerResponse[] = [];
    const server = await hookServer((hook, response) => {
      if (hook.path === '/hook') waiting.push(response);
      else response.end();
    });
    const system = sender({ connections: { connectionsPerOrigin: 65 } });
    const sent = Array.from({ length: 70 }, (_, id) => system.send(server.url, answerTo(id), undefined));
    await server.received(64);
    await system.send(`${server.origin}/other`, answerTo(1), undefined);
    expect(waiting).toHaveLength(64);
    waiting.forEach((response) => response.end());
    await until(() => waiting.length === 70);
    waiting.slice(64).forEach((response) => response.end());
    await Promise.all(sent);
  });

  it('is paused, and what was sent is delivered once it is well', async () => {
    const server = await hookServer(() => {});
    const system = sender({ connections: { responseTimeoutMs: 200 } });
    const sent = Array.from({ length: 8 }, (_, id) => system.send(server.url, answerTo(id), undefined));
    await system.retried(8);
    server.answer = status(200);
    await Promise.all(sent);
    const tries = server.hooks.length;
    expect(tries).toBeGreaterThanOrEqual(16);
    expect(tries).toBeLessThan(30);
  });
});
