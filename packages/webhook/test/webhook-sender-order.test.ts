import { afterEach, describe, expect, it } from '@jest/globals';
import { createEnvelope } from '@asyncmcp/core';
import { rejectionOf } from '@asyncmcp/testkit';
import { inTurn, status } from './hook-server.js';
import { answerTo, createSenders, progressOf } from './webhook-sender-system.js';
import type { ServerResponse } from 'node:http';
import type { Envelope } from '@asyncmcp/core';
import type { Answer, HookServer } from './hook-server.js';

const { sender, hookServer, close } = createSenders();
afterEach(close);

/** What a message is called in these tests: request id and step. */
function nameOf(body: string): string {
  const { id, params } = JSON.parse(body) as { id?: unknown; params?: { progress: number } };
  return JSON.stringify(id ?? params?.progress);
}

function namesOf(server: HookServer): string[] {
  return server.hooks.map(({ body }) => nameOf(body));
}

/** Answers that are given when a test says so. */
function held(): { answer: Answer; finish: (name: string, code?: number) => void } {
  const open = new Map<string, ServerResponse>();
  return {
    answer: (hook, response) => void open.set(nameOf(hook.body), response),
    finish(name, code = 200) {
      const response = open.get(name);
      if (response === undefined) throw new Error(`${name} has not come`);
      open.delete(name);
      response.writeHead(code).end();
    },
  };
}

describe('the order', () => {
  it('of one request is kept, whatever has to be tried again', async () => {
    const server = await hookServer(inTurn(status(200), status(404), status(500), status(200)));
    const system = sender();
    const steps: Envelope[] = [1, 2, 3, 4].map((step) => progressOf(7, step));
    await Promise.all([...steps, answerTo(7)].map((envelope) => system.send(server.url, envelope, undefined)));
    expect(namesOf(server)).toEqual(['1', '2', '2', '2', '3', '4', '7']);
  });

  it('of different requests and sessions is free; 1 and "1" are two', async () => {
    const { answer, finish } = held();
    const server = await hookServer(answer);
    const system = sender();
    const slow = system.send(server.url, progressOf(1, 0.5), undefined);
    const behind = system.send(server.url, answerTo(1), undefined);
    await server.received(1);
    server.answer = status(200);
    await system.send(server.url, answerTo('1'), undefined);
    await system.send(server.url, answerTo(2), undefined);
    await system.send(server.url, answerTo(1, 'other'), undefined);
    await system.send(server.url, progressOf(undefined, 0.7), undefined);
    expect(namesOf(server)).toEqual(['0.5', '"1"', '2', '1', '0.7']);
    finish('0.5');
    await Promise.all([slow, behind]);
    expect(namesOf(server).at(-1)).toBe('1');
  });

  it('goes on after a message that failed for good', async () => {
    const server = await hookServer(inTurn(status(400), status(200)));
    const system = sender();
    const failed = rejectionOf(system.send(server.url, progressOf(1, 1), undefined));
    await system.send(server.url, progressOf(1, 2), undefined);
    expect(await failed).toMatchObject({ code: 'ERR_DELIVERY_FAILED' });
    expect(namesOf(server)).toEqual(['1', '2']);
  });

  it('does not cost a message its try that waited behind one whose time was up', async () => {
    const server = await hookServer(inTurn(status(404), status(200)));
    const system = sender({ retryForMs: 0 });
    const failed = rejectionOf(system.send(server.url, progressOf(1, 1), undefined));
    await system.send(server.url, progressOf(1, 2), undefined);
    expect(await failed).toMatchObject({ code: 'ERR_DELIVERY_FAILED' });
  });

  it('of what belongs to no request is kept, too', async () => {
    const { answer, finish } = held();
    const server = await hookServer(answer);
    const system = sender();
    const request = createEnvelope({ jsonrpc: '2.0', id: 5, method: 'roots/list' }, { sessionId: 'session' });
    const sent = [progressOf(undefined, 1), request, progressOf(undefined, 2)].map((envelope) =>
      system.send(server.url, envelope, undefined),
    );
    for (const [index, name] of ['1', '5', '2'].entries()) {
      await server.received(index + 1);
      expect(namesOf(server)).toHaveLength(index + 1);
      finish(name);
    }
    await Promise.all(sent);
  });

  it('of one session is nobody else’s, who names it with another URL', async () => {
    const stranger = await hookServer(() => {});
    const server = await hookServer();
    const system = sender();
    const hanging = rejectionOf(system.send(stranger.url, answerTo(1), undefined));
    await stranger.received(1);
    await system.send(server.url, answerTo(1), undefined);
    await system.close(0);
    expect(await hanging).toMatchObject({ code: 'ERR_CLOSED' });
  });
});

describe('a session with more than fits', () => {
  it('waits, in order, and holds up no other session', async () => {
    const { answer, finish } = held();
    const server = await hookServer(answer);
    const system = sender({ maxQueuedPerSession: 2 });
    const settled: number[] = [];
    const sent = [1, 2, 3, 4, 5].map((id) =>
      system.send(server.url, answerTo(id), undefined).then(() => settled.push(id)),
    );
    const other = system.send(server.url, answerTo(9, 'other'), undefined);
    await server.received(3);
    expect(namesOf(server).toSorted()).toEqual(['1', '2', '9']);
    finish('9');
    await other;
    finish('2');
    await server.received(4);
    finish('1');
    await server.received(5);
    expect(namesOf(server).slice(3)).toEqual(['3', '4']);
    finish('3');
    await server.received(6);
    finish('4');
    finish('5');
    await Promise.all(sent);
    expect(settled.slice(0, 3)).toEqual([2, 1, 3]);
  });

  it('gets everything, much as it may be', async () => {
    const server = await hookServer();
    const system = sender({ maxQueuedPerSession: 5 });
    const ids = Array.from({ length: 300 }, (_, id) => id);
    await Promise.all(ids.map((id) => system.send(server.url, progressOf(id % 7, id), undefined)));
    const perLane = ids.map((lane) => namesOf(server).filter((name) => Number(name) % 7 === lane));
    for (const lane of perLane) expect(lane).toEqual(lane.toSorted((a, b) => Number(a) - Number(b)));
    expect(server.hooks).toHaveLength(300);
  });
});

describe('closing', () => {
  it('lets what was taken go on, and takes no more', async () => {
    const { answer, finish } = held();
    const server = await hookServer(answer);
    const system = sender();
    const sent = [progressOf(1, 1), progressOf(1, 2)].map((envelope) => system.send(server.url, envelope, undefined));
    await server.received(1);
    const closed = system.close(20_000);
    expect(await rejectionOf(system.send(server.url, answerTo(2), undefined))).toMatchObject({ code: 'ERR_CLOSED' });
    finish('1', 503);
    server.answer = status(200);
    await Promise.all(sent);
    await closed;
    expect({ names: namesOf(server), undelivered: system.undelivered }).toEqual({
      names: ['1', '1', '2'],
      undelivered: [],
    });
  });

  it('aborts what is left after the time given: under way, queued, waiting to be tried again or to be taken', async () => {
    const ill = await hookServer(status(503, { 'retry-after': '10' }));
    const hanging = await hookServer(() => {});
    const { url: down, close: stop } = await hookServer();
    await stop();
    const system = sender({ maxQueuedPerSession: 2 });
    const outcomes = [
      ...[1, 2, 3].map((step) => system.send(hanging.url, progressOf(1, step), undefined)),
      system.send(ill.url, answerTo(1), undefined),
      ...[1, 2, 3, 4, 5, 6, 7].map((id) => system.send(down, answerTo(id, `session ${id}`), undefined)),
    ].map(rejectionOf);
    await hanging.received(1);
    await ill.received(1);
    await system.retried(6);
    await system.close(20);
    for (const error of await Promise.all(outcomes)) expect(error).toMatchObject({ code: 'ERR_CLOSED' });
    expect(system.undelivered).toHaveLength(11);
    expect(new Set(system.undelivered.map(({ envelope }) => envelope)).size).toBe(11);
    await system.close(20_000);
  });

  it('is done at once where there is nothing, and the same however often', async () => {
    const system = sender();
    const closed = system.close(20_000);
    expect(system.close(0)).toBe(closed);
    await closed;
    expect(await rejectionOf(system.send('https://hook.example', answerTo(1), undefined))).toMatchObject({
      code: 'ERR_CLOSED',
    });
    expect(system.undelivered).toEqual([]);
  });

  it('does not wait for an endpoint that cannot end its answer', async () => {
    const server = await hookServer((_hook, response) => void response.writeHead(200).write('…'));
    const system = sender();
    await system.send(server.url, answerTo(1), undefined);
    const before = performance.now();
    await system.close(20_000);
    expect(performance.now() - before).toBeLessThan(5000);
  });
});
