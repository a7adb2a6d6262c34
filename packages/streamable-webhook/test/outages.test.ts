import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { createDeferred, rejectionOf, until } from '@asyncmcp/testkit';
import { MemorySessionStore, isAsyncMcpError } from '@asyncmcp/core';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { ErrorCode, ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { MemoryEventStore } from './memory-event-store.js';
import { call, callsIn, messagesOf, responsesIn, textOf, useSystem } from './client-system.js';
import { createTools } from './client-tools.js';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { AddressInfo } from 'node:net';

const system = useSystem();

const WAYS = [
  ['over the connection', ''],
  ['by webhook', '_by_webhook'],
] as const;

/** How often a client has asked for a stream, to hear what its server says by itself or to go on with one. */
const streams = (): number => system().seen.filter(({ method }) => method === 'GET').length;

const reconnectionOptions = {
  initialReconnectionDelay: 50,
  maxReconnectionDelay: 100,
  reconnectionDelayGrowFactor: 1,
  maxRetries: 5,
};

describe('the client’s endpoint', () => {
  it('is down for a few seconds: every reply arrives once, and the calls succeed', async () => {
    const { runs, finish } = await system().server();
    // No second copies: what arrives has to come from the server's own tries.
    const transport = system().transport({ resendAfterMs: 0 });
    const client = await system().client(transport);
    const messages = messagesOf(transport);
    const calls = Array.from({ length: 5 }, () => call(client, 'slow_by_webhook'));
    await until(() => runs.length === 5, { message: 'the calls to run' });
    system().replies.down = true;
    const began = performance.now();
    finish();
    await until(() => performance.now() - began > 2500, { message: 'the outage' });
    expect(responsesIn(messages)).toEqual([]);
    expect(await call(client, 'echo', { value: 'the other way is open' })).toBe('the other way is open');
    system().replies.down = false;
    expect(await Promise.all(calls)).toEqual(Array(5).fill('slow and steady'));
    expect(responsesIn(messages)).toHaveLength(6);
    expect(runs).toHaveLength(6);
    expect(transport.counters).toEqual({ duplicates: 0, foreign: 0, invalid: 0 });
  });
});

describe.each(WAYS)('a call that is answered %s', (_way, suffix) => {
  it.each<[string, () => void]>([
    ['429', () => system().answerCalls(2, 429)],
    ['503 and Retry-After', () => system().requests.next(2, 'unavailable', ({ body }) => body.includes('tools/call'))],
    ['502, for there is no server', () => system().answerCalls(2, 502)],
  ])(
    'is posted again under its message id when it is answered %s, runs once and is answered once',
    async (_s, fail) => {
      const { runs } = await system().server();
      const transport = system().transport();
      const client = await system().client(transport);
      const messages = messagesOf(transport);
      fail();
      expect(await call(client, `echo${suffix}`, { value: 'once' })).toBe('once');
      expect(await call(client, `echo${suffix}`, { value: 'next' })).toBe('next');
      expect(runs).toHaveLength(2);
      expect(responsesIn(messages)).toHaveLength(2);
      // What the proxy itself answers is not seen where it would go.
      const ids = callsIn(system().seen).map(({ headers }) => headers['x-message-id']);
      expect(new Set(ids).size).toBe(2);
    },
  );

  it('whose answer is lost runs once, and is answered once', async () => {
    const { runs } = await system().server();
    const transport = system().transport();
    const client = await system().client(transport);
    const messages = messagesOf(transport);
    system().requests.next(2, 'lose-answer', ({ body }) => body.includes('tools/call'));
    expect(await call(client, `echo${suffix}`, { value: 'once' })).toBe('once');
    expect(await call(client, `echo${suffix}`, { value: 'next' })).toBe('next');
    expect(runs).toHaveLength(2);
    expect(responsesIn(messages)).toHaveLength(2);
  });

  it('is posted until there is a server that takes it', async () => {
    const store = new MemorySessionStore();
    const { server } = await system().server({ store });
    const client = await system().client();
    await server.close();
    system().targets.length = 0;
    const answer = call(client, `echo${suffix}`, { value: 'at last' });
    const before = system().requests.refused;
    await until(() => system().requests.refused > before + 2, { message: 'three tries' });
    const { runs } = await system().server({ store });
    expect(await answer).toBe('at last');
    expect(runs).toHaveLength(1);
  });

  it('is rejected when no server takes it in time', async () => {
    await system().server();
    const client = await system().client(system().transport({ retryForMs: 300 }));
    system().requests.down = true;
    expect(await rejectionOf(call(client, `echo${suffix}`, { value: '' }))).toMatchObject({ code: 'ERR_UNAVAILABLE' });
  });

  it('goes to a server that was restarted without its sessions: the caller hears that the session is lost', async () => {
    const first = await system().server({ drainTimeoutMs: 10 });
    const client = await system().client();
    const errors: Error[] = [];
    client.onerror = (error) => void errors.push(error);
    const failure = rejectionOf(call(client, `slow${suffix}`));
    await until(() => first.runs.length === 1, { message: 'the call to run' });
    await first.server.close();
    system().targets.length = 0;
    await system().server();
    const code = suffix === '' ? 'ERR_CLOSED' : 'ERR_SESSION_NOT_FOUND';
    expect(await failure).toMatchObject({ data: { code } });
    if (suffix === '') await rejectionOf(client.ping());
    expect(errors).toContainEqual(expect.objectContaining({ code: 'ERR_SESSION_LOST' }));
  });

  it('is spread over two servers with one store, like all of its session', async () => {
    const store = new MemorySessionStore();
    const servers = [await system().server({ store }), await system().server({ store })];
    const client = await system().client();
    for (let nth = 0; nth < 10; nth++) expect(await call(client, `echo${suffix}`, { value: `${nth}` })).toBe(`${nth}`);
    const runs = servers.map((one) => one.runs.length);
    expect(runs[0]).toBeGreaterThan(2);
    expect(runs[1]).toBeGreaterThan(2);
    expect(runs[0] ?? 0).toBe(10 - (runs[1] ?? 0));
  });
});

describe('a connection that is cut in mid-call', () => {
  it('is made again: the call runs once and is answered once', async () => {
    const { runs, finish } = await system().server();
    const transport = system().transport();
    const client = await system().client(transport);
    const messages = messagesOf(transport);
    const answer = call(client, 'slow');
    await until(() => runs.length === 1, { message: 'the call to run' });
    system().wire.cut();
    await until(() => callsIn(system().seen).length === 2, { message: 'the call to be posted again' });
    finish();
    expect(await answer).toBe('slow and steady');
    expect(runs).toHaveLength(1);
    expect(responsesIn(messages)).toHaveLength(1);
    expect(new Set(callsIn(system().seen).map(({ headers }) => headers['x-message-id'])).size).toBe(1);
  });

  it('is made again to the process that has the call, of two behind one address: it runs once', async () => {
    const store = new MemorySessionStore();
    const servers = [await system().server({ store }), await system().server({ store })];
    const client = await system().client();
    const runs = (): number => servers.reduce((sum, one) => sum + one.runs.length, 0);
    const begun = createDeferred<void>();
    const answer = client.callTool({ name: 'slow' }, undefined, { onprogress: () => begun.resolve() });
    // With what came over it, the client knows which process has the call.
    await begun.promise;
    const both = [...system().targets];
    // Those that do not have it.
    system().targets.splice(0, 2, ...both.filter((_target, nth) => servers[nth]?.runs.length === 0));
    system().wire.cut();
    await until(() => callsIn(system().seen).length > 2, { message: 'the call to be posted to the wrong one, twice' });
    system().targets.splice(0, 1, ...both);
    for (const { finish } of servers) finish();
    expect(textOf(await answer)).toBe('slow and steady');
    expect(runs()).toBe(1);
  });

  it('is not made again to a server of others, which would do it twice: the caller is told what to know', async () => {
    const { runs, createServer, finish } = createTools();
    const sdk = new StreamableHTTPServerTransport({ sessionIdGenerator: () => 'of-others' });
    await createServer().connect(sdk);
    const http = createHttpServer((request, response) => void sdk.handleRequest(request, response));
    await once(http.listen(0, '127.0.0.1'), 'listening');
    system().atTheEnd(async () => {
      finish();
      await sdk.close();
      http.close();
    });
    system().targets.push(`http://127.0.0.1:${(http.address() as AddressInfo).port}`);
    const client = await system().client();
    const errors: Error[] = [];
    client.onerror = (error) => void errors.push(error);
    const begun = createDeferred<void>();
    const options = { timeout: 2000, onprogress: () => begun.resolve() };
    const failure = rejectionOf(client.callTool({ name: 'slow' }, undefined, options));
    await begun.promise;
    system().wire.cut();
    expect(await failure).toMatchObject({ code: ErrorCode.RequestTimeout });
    expect(runs).toHaveLength(1);
    expect(callsIn(system().seen)).toHaveLength(1);
    const told = { code: 'ERR_UNAVAILABLE', message: expect.stringContaining('it was not sent again') };
    expect(errors).toContainEqual(expect.objectContaining(told));
  });

  it('may be cut again and again', async () => {
    const { runs, finish } = await system().server();
    const client = await system().client();
    const answer = call(client, 'slow');
    await until(() => runs.length === 1, { message: 'the call to run' });
    for (let cuts = 1; cuts <= 5; cuts++) {
      system().wire.cut();
      await until(() => callsIn(system().seen).length === cuts + 1, { message: 'the call to be posted again' });
    }
    finish();
    expect(await answer).toBe('slow and steady');
    expect(runs).toHaveLength(1);
  });

  it('is made again for the answer that was ready while it was cut', async () => {
    const { runs, finish, server } = await system().server();
    const client = await system().client();
    const answer = call(client, 'slow');
    await until(() => runs.length === 1, { message: 'the call to run' });
    system().wire.cut();
    finish();
    await until(() => server.sessions.list()[0]?.callsInFlight === 0, { message: 'the call to end' });
    expect(await answer).toBe('slow and steady');
    expect(runs).toHaveLength(1);
  });

  it('is not made again for a call that was cancelled meanwhile', async () => {
    const { runs, finish } = await system().server();
    const client = await system().client();
    const cancelling = new AbortController();
    const { signal } = cancelling;
    const failure = rejectionOf(client.callTool({ name: 'slow' }, undefined, { signal }));
    await until(() => runs.length === 1, { message: 'the call to run' });
    system().wire.cut();
    cancelling.abort();
    await failure;
    await until(() => runs[0]?.extra.signal.aborted === true, { message: 'the tool to be told' });
    const other = call(client, 'slow');
    await until(() => runs.length === 2, { message: 'the other call to run' });
    system().wire.cut();
    await until(() => callsIn(system().seen).length === 3, { message: 'the other call to be posted again' });
    finish();
    expect(await other).toBe('slow and steady');
    expect(runs).toHaveLength(2);
  });

  it('does not end the hearing of what the server says by itself', async () => {
    const { made } = await system().server();
    const client = await system().client(system().transport({ reconnectionOptions }));
    let heard = 0;
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => void heard++);
    // What is said while nobody listens is lost.
    const isHeardAgain = async (message: string): Promise<void> => {
      const before = heard;
      const hears = (): boolean => {
        made[0]?.sendToolListChanged();
        return heard > before;
      };
      await until(hears, { message, intervalMs: 50 });
    };
    await isHeardAgain('the first notification');
    expect(streams()).toBe(1);
    system().wire.cut();
    await until(() => streams() > 1, { message: 'the client to listen again' });
    await isHeardAgain('a notification after the cut');
  });
});

describe('the stream of what a session says by itself', () => {
  const isHeard = async (client: Client, say: () => void): Promise<void> => {
    let heard = 0;
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => void heard++);
    // What is said while nobody listens is lost.
    const hears = (): boolean => {
      say();
      return heard > 0;
    };
    await until(hears, { message: 'a notification', timeoutMs: 30_000, intervalMs: 50 });
  };

  it('is asked for again however long there is no server, and that is told once', async () => {
    const store = new MemorySessionStore();
    const { server, made } = await system().server({ store });
    const client = await system().client();
    const errors: Error[] = [];
    client.onerror = (error) => void errors.push(error);
    await isHeard(client, () => made[0]?.sendToolListChanged());
    await server.close();
    system().targets.length = 0;
    const before = streams();
    // The SDK's transport by itself asks three times, the last after three seconds.
    await until(() => streams() >= before + 4, { message: 'four tries', timeoutMs: 45_000 });
    const next = await system().server({ store });
    await isHeard(client, () => next.made[0]?.sendToolListChanged());
    expect(errors).toMatchObject([{ code: 'ERR_UNAVAILABLE', message: expect.stringMatching(/asked again/) }]);
  });

  it('is not there where the server was restarted without its sessions: that is told, once', async () => {
    const first = await system().server({ drainTimeoutMs: 10 });
    const client = await system().client();
    const errors: Error[] = [];
    client.onerror = (error) => void errors.push(error);
    await until(() => streams() === 1, { message: 'the client to listen' });
    await first.server.close();
    system().targets.length = 0;
    await system().server();
    await until(() => errors.some((error) => isAsyncMcpError(error, 'ERR_SESSION_LOST')), { message: 'the news' });
    const asked = streams();
    const told = performance.now();
    await until(() => performance.now() - told > 3200, { message: 'the time in which it would be asked again' });
    expect(streams()).toBe(asked);
    expect(errors.filter((error) => isAsyncMcpError(error, 'ERR_SESSION_LOST'))).toHaveLength(1);
  });

  it('is not asked for any more once the transport is closed', async () => {
    const { server } = await system().server();
    const client = await system().client();
    await until(() => streams() === 1, { message: 'the client to listen' });
    await server.close();
    system().targets.length = 0;
    await until(() => streams() > 1, { message: 'the client to ask again' });
    await client.close();
    const asked = streams();
    const closedAt = performance.now();
    // Longer than the first two delays, of up to one and two seconds.
    await until(() => performance.now() - closedAt > 3200, { message: 'the time in which it would be asked again' });
    expect(streams()).toBe(asked);
  });

  it('is taken up again as the SDK does it, where one says how', async () => {
    const { server, made } = await system().server();
    const options = { ...reconnectionOptions, maxRetries: 2 };
    const client = await system().client(system().transport({ reconnectionOptions: options }));
    const errors: Error[] = [];
    client.onerror = (error) => void errors.push(error);
    await isHeard(client, () => made[0]?.sendToolListChanged());
    await server.close();
    system().targets.length = 0;
    const isGivenUp = (): boolean =>
      errors.some(({ message }) => message.includes('Maximum reconnection attempts (2)'));
    await until(isGivenUp, { message: 'the client to give up' });
    expect(streams()).toBe(3);
  });
});

describe('with an event store, a connection that is cut in mid-call', () => {
  it('is taken up where it was: the call is not posted again', async () => {
    const { runs, finish } = await system().server({ eventStore: new MemoryEventStore() });
    const transport = system().transport({ reconnectionOptions });
    const client = await system().client(transport);
    const messages = messagesOf(transport);
    const begun = createDeferred<void>();
    const onresumptiontoken = (): void => begun.resolve();
    const answer = client.callTool({ name: 'slow' }, undefined, { onresumptiontoken });
    await begun.promise;
    await until(() => runs.length === 1, { message: 'the call to run' });
    system().wire.cut();
    const resumed = () => system().seen.some(({ headers }) => headers['last-event-id'] !== undefined);
    await until(resumed, { message: 'the client to come back' });
    finish();
    expect(textOf(await answer)).toBe('slow and steady');
    expect([runs.length, callsIn(system().seen).length, responsesIn(messages).length]).toEqual([1, 1, 1]);
  });

  it('is replaced when nothing comes of it for some time: the call runs once and is answered once', async () => {
    const { runs, finish } = await system().server({ eventStore: new MemoryEventStore() });
    const transport = system().transport({ reconnectionOptions });
    const client = await system().client(transport);
    const messages = messagesOf(transport);
    const begun = createDeferred<void>();
    const onresumptiontoken = (): void => begun.resolve();
    const answer = client.callTool({ name: 'slow' }, undefined, { onresumptiontoken });
    await begun.promise;
    await until(() => runs.length === 1, { message: 'the call to run' });
    system().wire.cut();
    await until(() => callsIn(system().seen).length === 2, { message: 'the call to be posted again' });
    // And once more.
    system().wire.cut();
    await until(() => callsIn(system().seen).length > 2, { message: 'the call to be posted again' });
    finish();
    expect(textOf(await answer)).toBe('slow and steady');
    expect([runs.length, responsesIn(messages).length]).toEqual([1, 1]);
    expect(new Set(callsIn(system().seen).map(({ headers }) => headers['x-message-id'])).size).toBe(1);
  });

  it('because its server was killed, is not waited for: the next has the events', async () => {
    expect(await outcomeAfterKill(true)).toBe('slow and steady');
  });

  it('because its server was killed, is not waited for: the next has none of the events', async () => {
    expect(await outcomeAfterKill(false)).toBe('slow and steady');
  });
});

/** What a call comes to whose server is killed, as far as anybody can tell, and has a next, with the same sessions. */
async function outcomeAfterKill(withEvents: boolean): Promise<string> {
  const store = new MemorySessionStore();
  const eventStore = new MemoryEventStore();
  const first = await system().server({ store, eventStore });
  const client = await system().client(system().transport({ reconnectionOptions }));
  const begun = createDeferred<void>();
  const onresumptiontoken = (): void => begun.resolve();
  const answer = client.callTool({ name: 'slow' }, undefined, { onresumptiontoken, timeout: 5000 });
  answer.catch(() => {});
  await begun.promise;
  await until(() => first.runs.length === 1, { message: 'the call to run' });
  system().targets.length = 0;
  const second = await system().server({ store, eventStore: withEvents ? eventStore : new MemoryEventStore() });
  second.finish();
  system().wire.cut();
  return textOf(await answer);
}

describe('a server that is closed in mid-call, with a shared store', () => {
  it('leaves a call that is answered by webhook to the next', async () => {
    const store = new MemorySessionStore();
    const first = await system().server({ store, drainTimeoutMs: 10 });
    const transport = system().transport();
    const client = await system().client(transport);
    const messages = messagesOf(transport);
    const answer = call(client, 'slow_by_webhook');
    await until(() => first.runs.length === 1, { message: 'the call to run' });
    await first.server.close();
    system().targets.length = 0;
    const second = await system().server({ store });
    second.finish();
    expect(await answer).toBe('slow and steady');
    expect(second.runs).toHaveLength(1);
    expect(responsesIn(messages)).toHaveLength(1);
    expect(second.server.sessions.list().map(({ id }) => id)).toEqual([transport.sessionId]);
    first.finish();
  });

  it('answers who waits on a connection, with the result if it comes in time', async () => {
    const { server, runs, finish } = await system().server({ drainTimeoutMs: 5000 });
    const client = await system().client();
    const answers = [call(client, 'slow'), call(client, 'slow_by_webhook')];
    await until(() => runs.length === 2, { message: 'the calls to run' });
    const closed = server.close();
    finish();
    expect(await Promise.all(answers)).toEqual(['slow and steady', 'slow and steady']);
    await closed;
  });

  it('answers who waits on a connection, with an error if it does not', async () => {
    const store = new MemorySessionStore();
    const first = await system().server({ store, drainTimeoutMs: 10 });
    const client = await system().client();
    const failure = rejectionOf(call(client, 'slow'));
    await until(() => first.runs.length === 1, { message: 'the call to run' });
    await first.server.close();
    expect(await failure).toMatchObject({ code: -32603, data: { code: 'ERR_CLOSED' } });
    system().targets.length = 0;
    await system().server({ store });
    expect(await call(client, 'echo', { value: 'and on it goes' })).toBe('and on it goes');
  });
});
