import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { startHttpProxy } from '../src/http-proxy.js';
import { listenOnLoopback } from '../src/listen-on-loopback.js';
import type { Server } from 'node:http';
import type { HttpProxy } from '../src/http-proxy.js';

let server: Server;
let proxy: HttpProxy;
let received: string[];

beforeEach(async () => {
  received = [];
  server = createServer((request, response) => {
    void text(request).then((body) => {
      received.push(body);
      response.end(`${body} taken`);
    });
  });
  const origin = await listenOnLoopback(server);
  proxy = await startHttpProxy(() => origin);
});
afterEach(async () => {
  await proxy.close();
  server.closeAllConnections();
  server.close();
});

const post = async (body: string) => {
  const response = await fetch(proxy.url, { method: 'POST', body });
  return response.ok ? response.text() : response.status;
};

it('passes on what meets with no fault', async () => {
  expect(await post('a')).toBe('a taken');
  expect(proxy.injected.total).toBe(0);
});

it('forwards twice, loses the answer, or does not forward, as often as it is told', async () => {
  proxy.next(1, 'twice');
  expect(await post('a')).toBe('a taken');
  proxy.next(1, 'lose-answer');
  await expect(post('b')).rejects.toThrow('fetch failed');
  proxy.next(1, 'unavailable');
  expect(await post('c')).toBe(503);
  expect(await post('d')).toBe('d taken');
  expect(received).toEqual(['a', 'a', 'b', 'd']);
  expect(proxy.injected.all()).toEqual({ twice: 1, 'lose-answer': 1, unavailable: 1 });
});

it('holds a request for a while', async () => {
  proxy.next(1, 'late');
  const startedAt = performance.now();
  expect(await post('a')).toBe('a taken');
  expect(performance.now() - startedAt).toBeGreaterThan(300);
  expect(proxy.injected.all()).toEqual({ late: 1 });
});

it('lets the next request overtake, and does not wait for ever for one', async () => {
  proxy.next(1, 'overtaken', ({ body }) => body === 'first');
  const first = post('first');
  // Until it is held: fetch may connect the two in any order.
  await sleep(50);
  expect(await post('second')).toBe('second taken');
  expect(await first).toBe('first taken');
  expect(received).toEqual(['second', 'first']);
  expect(proxy.injected.all()).toEqual({ overtaken: 1 });

  proxy.next(1, 'overtaken');
  expect(await post('alone')).toBe('alone taken');
  expect(proxy.injected.of('overtaken')).toBe(1);
});

it('counts the connections that it cuts', async () => {
  proxy.down = true;
  await expect(post('a')).rejects.toThrow('fetch failed');
  proxy.down = false;
  expect(await post('b')).toBe('b taken');
  expect(proxy.injected.of('down')).toBeGreaterThan(0);
});
