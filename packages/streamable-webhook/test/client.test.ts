import { describe, expect, it } from '@jest/globals';
import { AsyncMcpError } from '@asyncmcp/core';
import { createDeferred, rejectionOf, until } from '@asyncmcp/testkit';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { isWebhookTool } from '../src/index.js';
import { call, callsIn, messagesOf, responsesIn, useSystem } from './client-system.js';
import { verifierOf } from './tokens.js';
import type { StreamableWebhookClientTransport } from '../src/index.js';

const system = useSystem();

const WAYS = [
  ['over the connection', ''],
  ['by webhook', '_by_webhook'],
] as const;

/** Whether a client holds a stream open to hear what its server says by itself. */
const isListening = (): boolean => system().seen.some(({ method }) => method === 'GET');

/** A client that says what a server asks it. */
async function answeringClient(transport: StreamableWebhookClientTransport): Promise<Client> {
  const client = new Client(
    { name: 'test', version: '1.0.0' },
    { capabilities: { sampling: {}, elicitation: { form: {} } } },
  );
  client.setRequestHandler(CreateMessageRequestSchema, async ({ params }) => ({
    model: 'none',
    role: 'assistant',
    content: { type: 'text', text: `not much, asked for ${params.maxTokens}` },
  }));
  client.setRequestHandler(ElicitRequestSchema, async () => ({ action: 'accept', content: { name: 'nobody' } }));
  await client.connect(transport);
  return client;
}

it('a call that JSON cannot say fails at once', async () => {
  await system().server();
  const client = await system().client();
  const failure = rejectionOf(client.callTool({ name: 'quick', arguments: { amount: 10n } }));
  expect(await failure).toMatchObject({ code: 'ERR_MESSAGE_INVALID' });
});

describe('one session', () => {
  it('has tools that answer over the connection and tools that answer by webhook, which can be told apart', async () => {
    const { runs } = await system().server();
    const transport = system().transport();
    expect(transport.sessionId).toBeUndefined();
    const client = await system().client(transport);
    const { sessionId } = transport;
    expect(sessionId).toMatch(/^[\x21-\x7e]+$/);

    const { tools } = await client.listTools();
    const marked = tools.filter(isWebhookTool).map(({ name }) => name);
    expect(marked).toEqual(['echo_by_webhook', 'slow_by_webhook', 'sample_by_webhook', 'elicit_by_webhook']);
    expect(tools).toHaveLength(8);

    expect(await call(client, 'echo', { value: 'here' })).toBe('here');
    expect(system().hooks).toEqual([]);
    expect(await call(client, 'echo_by_webhook', { value: 'there' })).toBe('there');
    expect(system().hooks).toHaveLength(1);
    expect(system().hooks[0]?.headers).toMatchObject({
      'mcp-session-id': sessionId,
      'x-client-id': transport.clientId,
      'webhook-signature': expect.stringMatching(/^v1,/),
    });
    expect(runs.map(({ tool }) => tool)).toEqual(['echo', 'echo_by_webhook']);
    expect(transport.counters).toEqual({ duplicates: 0, foreign: 0, invalid: 0 });
  });

  it('reads resources, and hears what its server says by itself', async () => {
    const { made } = await system().server();
    const client = await system().client();
    const heard = createDeferred<void>();
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => heard.resolve());
    const { resources } = await client.listResources();
    expect(resources).toMatchObject([{ uri: 'test://greeting' }]);
    const { contents } = await client.readResource({ uri: 'test://greeting' });
    expect(contents).toEqual([{ uri: 'test://greeting', text: 'hello' }]);
    await until(isListening, { message: 'the client to listen' });
    made[0]?.sendToolListChanged();
    await heard.promise;
  });

  it('rejects the call of a tool that there is not, and goes on', async () => {
    await system().server();
    const client = await system().client();
    expect(await client.callTool({ name: 'nothing' })).toMatchObject({ isError: true });
    await client.ping();
  });
});

describe.each(WAYS)('a call that is answered %s', (_way, suffix) => {
  it('tells its progress', async () => {
    const { finish } = await system().server();
    const client = await system().client();
    const progress: number[] = [];
    const onprogress = ({ progress: now }: { progress: number }): void => {
      progress.push(now);
      finish();
    };
    const result = await client.callTool({ name: `slow${suffix}` }, undefined, { onprogress });
    expect(result.content).toEqual([{ type: 'text', text: 'slow and steady' }]);
    expect(progress).toEqual([1]);
  });

  it('can be cancelled: its tool is told, and nobody answers', async () => {
    const { runs, server } = await system().server();
    const transport = system().transport();
    const client = await system().client(transport);
    const messages = messagesOf(transport);
    const cancelling = new AbortController();
    const { signal } = cancelling;
    const failure = rejectionOf(client.callTool({ name: `slow${suffix}` }, undefined, { signal }));
    await until(() => runs.length === 1, { message: 'the call to run' });
    cancelling.abort('never mind');
    expect(String(await failure)).toContain('never mind');
    await until(() => runs[0]?.extra.signal.aborted === true, { message: 'the tool to be told' });
    await until(() => server.sessions.list()[0]?.callsInFlight === 0, { message: 'the call to be gone' });
    expect(await call(client, `echo${suffix}`, { value: 'after' })).toBe('after');
    expect(responsesIn(messages)).toHaveLength(1);
    expect(callsIn(system().seen, `slow${suffix}`)).toHaveLength(1);
  });

  it('may ask its client something', async () => {
    await system().server();
    const client = await answeringClient(system().transport());
    expect(await call(client, `sample${suffix}`)).toContain('not much, asked for 10');
    expect(await call(client, `elicit${suffix}`)).toContain('"name":"nobody"');
  });

  it('runs at the same time as others of its session', async () => {
    const { runs, finish } = await system().server();
    const client = await system().client();
    const calls = Array.from({ length: 20 }, () => call(client, `slow${suffix}`));
    await until(() => runs.length === 20, { message: 'all calls to run' });
    finish();
    expect(await Promise.all(calls)).toEqual(Array(20).fill('slow and steady'));
  });
});

describe('terminateSession()', () => {
  it('ends the session, once', async () => {
    const { server } = await system().server();
    const transport = system().transport();
    const client = await system().client(transport);
    await client.ping();
    await transport.terminateSession();
    expect(transport.sessionId).toBeUndefined();
    expect(server.sessions.list()).toEqual([]);
    await transport.terminateSession();
    expect(system().seen.filter(({ method }) => method === 'DELETE')).toHaveLength(1);
  });

  it('does nothing before there is a session', async () => {
    const transport = system().transport();
    await transport.terminateSession();
    await transport.start();
    await transport.terminateSession();
    expect(system().seen).toEqual([]);
  });

  it('is content when the session has ended already', async () => {
    const { server } = await system().server();
    // The stream on which the client listens ends with the session. It does not come back for it while this runs.
    const seconds = { initialReconnectionDelay: 60_000, maxReconnectionDelay: 60_000 };
    const reconnectionOptions = { ...seconds, reconnectionDelayGrowFactor: 1, maxRetries: 1 };
    const transport = system().transport({ reconnectionOptions });
    const client = await system().client(transport);
    const errors: Error[] = [];
    await until(() => server.sessions.list()[0] !== undefined && isListening(), { message: 'the client to listen' });
    await server.sessions.terminate(String(transport.sessionId));
    client.onerror = (error) => void errors.push(error);
    await transport.terminateSession();
    expect(transport.sessionId).toBeUndefined();
    await transport.close();
    expect(errors).toEqual([]);
  });

  it('rejects with an AsyncMcpError when the server cannot be reached, and the session stays', async () => {
    await system().server();
    const transport = system().transport({ retryForMs: 300 });
    await system().client(transport);
    system().requests.down = true;
    const { sessionId } = transport;
    expect(await rejectionOf(transport.terminateSession())).toMatchObject({
      name: 'AsyncMcpError',
      code: 'ERR_UNAVAILABLE',
    });
    expect(transport.sessionId).toBe(sessionId);
  });

  it('rejects with the server’s JSON-RPC error when it is refused', async () => {
    let token = 'alice';
    await system().server({ auth: { verifier: verifierOf('alice') } });
    const transport = system().transport({ headers: async () => ({ authorization: `Bearer ${token}` }) });
    await system().client(transport);
    token = 'mallory';
    expect(await rejectionOf(transport.terminateSession())).toMatchObject({
      name: 'AsyncMcpError',
      code: 'ERR_ACCESS_DENIED',
      details: { status: 401 },
    });
  });
});

describe('close()', () => {
  it('ends everything: pending calls, streams, and what is sent', async () => {
    const { runs, server } = await system().server();
    const transport = system().transport();
    const client = await system().client(transport);
    let closes = 0;
    const { onclose } = transport;
    transport.onclose = () => {
      closes++;
      onclose?.();
    };
    const failures = ['slow', 'slow_by_webhook'].map((name) => rejectionOf(call(client, name)));
    await until(() => runs.length === 2, { message: 'the calls to run' });
    await Promise.all([transport.close(), transport.close()]);
    for (const failure of failures) expect(await failure).toMatchObject({ code: -32000 });
    expect(closes).toBe(1);
    // It has not ended the session: that is for terminateSession().
    expect(server.sessions.list()).toHaveLength(1);
  });

  it('leaves no timers', async () => {
    const { server } = await system().server();
    const open = (pattern: RegExp): number =>
      process.getActiveResourcesInfo().filter((name) => pattern.test(name)).length;
    const timers = open(/^Timeout$/);
    const transport = system().transport();
    const client = await system().client(transport);
    await call(client, 'echo', { value: '' });
    await call(client, 'echo_by_webhook', { value: '' });
    await client.close();
    await server.close();
    // While it waits, until() has one of its own.
    await until(() => open(/^Timeout$/) <= timers + 1, { message: () => String(process.getActiveResourcesInfo()) });
    expect(open(/^Timeout$/)).toBeLessThanOrEqual(timers);
  });

  it('makes send() and terminateSession() reject', async () => {
    await system().server();
    const transport = system().transport();
    await system().client(transport);
    await transport.close();
    const ping = { jsonrpc: '2.0', id: 7, method: 'ping' } as const;
    expect(await rejectionOf(transport.send(ping))).toMatchObject({ code: 'ERR_CLOSED' });
    expect(await rejectionOf(transport.terminateSession())).toMatchObject({ code: 'ERR_CLOSED' });
    expect(await rejectionOf(transport.start())).toMatchObject({ code: 'ERR_CLOSED' });
  });

  it('gives a message up that no server takes', async () => {
    await system().server();
    const transport = system().transport();
    const client = await system().client(transport);
    system().targets.length = 0;
    const refused = system().requests.refused;
    const failure = rejectionOf(transport.send({ jsonrpc: '2.0', method: 'notifications/initialized' }));
    await until(() => system().requests.refused > refused, { message: 'a try' });
    await client.close();
    expect(await failure).toMatchObject({ code: 'ERR_CLOSED' });
  });
});

describe('start()', () => {
  it('is called once, and before send()', async () => {
    const transport = system().transport();
    const ping = { jsonrpc: '2.0', id: 7, method: 'ping' } as const;
    expect(await rejectionOf(transport.send(ping))).toMatchObject({ code: 'ERR_NOT_STARTED' });
    await transport.start();
    expect(await rejectionOf(transport.start())).toMatchObject({ code: 'ERR_ALREADY_STARTED' });
  });

  it('is refused where another transport of the same client id is at the receiver', async () => {
    await system().transport({ clientId: 'one' }).start();
    const second = system().transport({ clientId: 'one' });
    expect(await rejectionOf(second.start())).toMatchObject({ code: 'ERR_INVALID_OPTION' });
  });
});

describe('a session that the server no longer knows', () => {
  it.each([
    ['a ping', (client: Client) => client.ping()],
    ['a call that is answered over the connection', (client: Client) => call(client, 'echo', { value: '' })],
    ['a call that is answered by webhook', (client: Client) => call(client, 'echo_by_webhook', { value: '' })],
    ['a notification', (client: Client) => client.sendRootsListChanged()],
  ])('is reported as lost by %s, which is rejected', async (_what, use) => {
    const { server } = await system().server();
    const transport = system().transport();
    const client = new Client({ name: 'test', version: '1.0.0' }, { capabilities: { roots: { listChanged: true } } });
    await client.connect(transport);
    const errors: Error[] = [];
    const { sessionId } = transport;
    await server.sessions.terminate(String(sessionId));
    client.onerror = (error) => void errors.push(error);
    expect(await rejectionOf(use(client))).toMatchObject({
      code: 'ERR_SESSION_LOST',
      details: { sessionId, status: 404, error: { code: -32001, data: { code: 'ERR_SESSION_NOT_FOUND' } } },
    });
    const lost = errors.filter((error) => error instanceof AsyncMcpError && error.code === 'ERR_SESSION_LOST');
    expect(lost).toHaveLength(1);
  });
});
