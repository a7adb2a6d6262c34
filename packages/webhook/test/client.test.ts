import { createServer } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { listenOnLoopback, rejectionOf, until } from '@asyncmcp/testkit';
import { WebhookClientTransport, WebhookReceiver, generateSecret } from '../src/index.js';
import { atTheEnd } from './server-system.js';
import { useSystem } from './system.js';
import type { IncomingHttpHeaders, Server, ServerResponse } from 'node:http';
import type { WebhookClientTransportOptions } from '../src/index.js';

const system = useSystem();

const createServerOfMcp = (): McpServer => new McpServer({ name: 'client-test', version: '1.0.0' });

interface Scripted {
  readonly url: string;
  /** Of each request. */
  readonly seen: { readonly headers: IncomingHttpHeaders; readonly body: string; readonly at: number }[];
}

/** A server that answers what it is told to, the last again and again. */
async function scripted(
  ...answers: { status: number; headers?: Record<string, string>; body?: unknown }[]
): Promise<Scripted> {
  const seen: Scripted['seen'] = [];
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => void chunks.push(chunk));
    request.on('end', () => {
      const { status = 202, headers = {}, body = {} } = answers[Math.min(seen.length, answers.length - 1)] ?? {};
      seen.push({ headers: request.headers, body: Buffer.concat(chunks).toString('utf8'), at: performance.now() });
      response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
    });
  });
  const origin = await listenOnLoopback(server);
  atTheEnd(async () => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `${origin}/mcp/request`, seen };
}

/** A started transport towards such a server, that has a session. */
async function transportTo(
  serverUrl: string,
  options: Partial<WebhookClientTransportOptions> = {},
): Promise<WebhookClientTransport> {
  const transport = system().transport({ serverUrl, retryForMs: 3000, ...options });
  await transport.start();
  transport.sessionId = 'a-session';
  return transport;
}

const PING = { jsonrpc: '2.0', id: 1, method: 'ping' } as const;

const refusal = (code: number, data: object): object => ({ jsonrpc: '2.0', error: { code, message: 'no', data } });

describe('send()', () => {
  it.each([
    [429, { 'retry-after': '0' }],
    [503, {}],
    [502, {}],
    [408, {}],
    [404, {}],
    [500, {}],
  ])('tries again when it is answered %d, with the same X-Message-ID', async (status, headers) => {
    const { url, seen } = await scripted({ status, headers }, { status, headers }, { status: 202 });
    await (await transportTo(url)).send(PING);
    expect(seen).toHaveLength(3);
    expect(new Set(seen.map((one) => one.headers['x-message-id'])).size).toBe(1);
    expect(new Set(seen.map((one) => one.body))).toEqual(new Set([JSON.stringify(PING)]));
  });

  it('waits as long as Retry-After says', async () => {
    const { url, seen } = await scripted({ status: 503, headers: { 'retry-after': '1' } }, { status: 202 });
    await (await transportTo(url)).send(PING);
    expect((seen[1]?.at ?? 0) - (seen[0]?.at ?? 0)).toBeGreaterThan(950);
  });

  it('counts the tries that a server has begun and handed back', async () => {
    const handedBack = (attempt: number): object => refusal(-32603, { code: 'ERR_UNAVAILABLE', attempt });
    const { url, seen } = await scripted(
      { status: 503, body: handedBack(1) },
      { status: 503, body: handedBack(2) },
      { status: 202 },
    );
    await (await transportTo(url)).send(PING);
    expect(seen.map(({ headers }) => headers['x-attempt'])).toEqual([undefined, '2', '3']);
  });

  it.each([
    ['the server’s own code', 400, refusal(-32600, { code: 'ERR_PROTOCOL_VERSION' }), 'ERR_PROTOCOL_VERSION'],
    ['a code that no client knows', 400, refusal(-32600, { code: 'ERR_OF_TOMORROW' }), 'ERR_MESSAGE_INVALID'],
    ['a bad token', 401, refusal(-32600, { code: 'ERR_ACCESS_DENIED' }), 'ERR_ACCESS_DENIED'],
    ['a proxy that says no', 403, '<html>', 'ERR_ACCESS_DENIED'],
    ['an older server, with an id of null', 404, { ...refusal(-32001, {}), id: null }, 'ERR_SESSION_LOST'],
    ['too much', 413, refusal(-32600, { code: 'ERR_MESSAGE_TOO_LARGE', limitBytes: 5 }), 'ERR_MESSAGE_TOO_LARGE'],
    ['a redirect, which is not followed', 302, '', 'ERR_MESSAGE_INVALID'],
    ['a broken server', 500, refusal(-32603, { code: 'ERR_CREATE_SERVER' }), 'ERR_CREATE_SERVER'],
  ])('rejects at once for %s', async (_what, status, body, code) => {
    const { url, seen } = await scripted({ status, body, headers: { location: 'http://127.0.0.1:1/' } });
    const transport = await transportTo(url);
    const error = await rejectionOf(transport.send(PING));
    expect(error).toMatchObject({ name: 'AsyncMcpError', code, details: { status } });
    expect(seen).toHaveLength(1);
  });

  it('goes elsewhere for a while only, whatever the server says', async () => {
    const elsewhere = refusal(-32603, { code: 'ERR_UNAVAILABLE', elsewhere: true });
    const { url, seen } = await scripted({ status: 503, body: elsewhere, headers: { 'retry-after': '0' } });
    const transport = await transportTo(url, { retryForMs: 100 });
    expect(await rejectionOf(transport.send(PING))).toMatchObject({ code: 'ERR_UNAVAILABLE' });
    expect(seen.length).toBeGreaterThan(20);
    expect(seen.length).toBeLessThan(40);
  });

  it('has the server’s JSON-RPC error in what it rejects with', async () => {
    const { url } = await scripted({
      status: 400,
      body: refusal(-32602, { code: 'ERR_REPLY_ADDRESS_REFUSED', reason: 'port' }),
    });
    const error = await rejectionOf((await transportTo(url)).send(PING));
    const theirs = { code: -32602, message: 'no', data: { code: 'ERR_REPLY_ADDRESS_REFUSED', reason: 'port' } };
    expect(error).toMatchObject({ details: { error: theirs } });
  });

  it('rejects when the time for trying again is up, with the last refusal', async () => {
    const { url, seen } = await scripted({ status: 503, body: refusal(-32603, { code: 'ERR_SESSION_LIMIT' }) });
    const error = await rejectionOf((await transportTo(url, { retryForMs: 400 })).send(PING));
    expect(error).toMatchObject({ code: 'ERR_SESSION_LIMIT', details: { status: 503 } });
    expect(seen.length).toBeGreaterThan(1);
  });

  it('is given up when the transport closes, however long it would have tried', async () => {
    const { url, seen } = await scripted({ status: 503, headers: { 'retry-after': '60' } });
    const transport = await transportTo(url, { retryForMs: 3_600_000 });
    const sending = rejectionOf(transport.send(PING));
    await until(() => seen.length === 1, { message: 'the first try' });
    await transport.close();
    expect(await sending).toMatchObject({ code: 'ERR_CLOSED' });
  });

  it('says so as well where the answer comes after the close', async () => {
    const held: ServerResponse[] = [];
    const server = createServer((_request, response) => void held.push(response));
    const origin = await listenOnLoopback(server);
    atTheEnd(async () => {
      server.closeAllConnections();
      server.close();
    });
    const transport = await transportTo(`${origin}/mcp/request`);
    const sending = rejectionOf(transport.send(PING));
    await until(() => held.length === 1, { message: 'the first try' });
    const closed = transport.close();
    held[0]?.writeHead(503).end('{}');
    await closed;
    expect(await sending).toMatchObject({ code: 'ERR_CLOSED' });
  });
});

describe('a URL that is wrong', () => {
  it('is said at once: before there is a session, a 404 is no passing trouble', async () => {
    const { url, seen } = await scripted({ status: 404, body: 'Not Found' });
    const transport = system().transport({ serverUrl: url });
    await transport.start();
    expect(await rejectionOf(transport.send(PING))).toMatchObject({
      code: 'ERR_DESTINATION_GONE',
      details: { status: 404 },
    });
    expect(seen).toHaveLength(1);
  });
});

describe('a request that is posted again', () => {
  it('goes on when that is refused for another reason than that it is lost', async () => {
    const answers = [401, 403, 500, 404].map((status) => ({
      status,
      body: refusal(-32600, { code: 'ERR_ACCESS_DENIED' }),
    }));
    const { url, seen } = await scripted({ status: 202, body: { server: 'one', attempt: 1 } }, ...answers);
    const transport = await transportTo(url, { resendAfterMs: 20, retryForMs: 0 });
    const received: unknown[] = [];
    const errors: Error[] = [];
    transport.onmessage = (message) => void received.push(message);
    transport.onerror = (error) => void errors.push(error);
    await transport.send(PING);
    await until(() => seen.length > 5, { message: 'the tries' });
    expect(received).toEqual([]);
    expect(errors.length).toBeGreaterThan(3);
  });
});

describe('many messages that wait to be sent again', () => {
  it('make no warning about listeners', async () => {
    const warnings: Error[] = [];
    const note = (warning: Error): void => void warnings.push(warning);
    process.on('warning', note);
    const { url, seen } = await scripted({ status: 503, headers: { 'retry-after': '60' } });
    const transport = await transportTo(url, { retryForMs: 3_600_000 });
    const sending = Array.from({ length: 30 }, (_, id) => rejectionOf(transport.send({ ...PING, id })));
    await until(() => seen.length === 30, { message: 'the first tries' });
    await transport.close();
    await Promise.all(sending);
    process.off('warning', note);
    expect(warnings).toEqual([]);
  });
});

describe('a session that the server no longer knows', () => {
  it('is reported as lost, and rejects the call', async () => {
    const server = await system().server({ createServer: createServerOfMcp });
    const transport = system().transport();
    const client = await system().client(transport);
    const errors: Error[] = [];
    client.onerror = (error) => void errors.push(error);
    const { sessionId } = transport;
    await server.sessions.terminate(String(sessionId));
    expect(await rejectionOf(client.ping())).toMatchObject({
      code: 'ERR_SESSION_LOST',
      details: { sessionId, status: 404 },
    });
    expect(errors).toMatchObject([{ code: 'ERR_SESSION_LOST' }]);
    await transport.terminateSession();
  });
});

describe('headers of the user’s', () => {
  it('are asked for anew at each try', async () => {
    const { url, seen } = await scripted({ status: 503, headers: { 'retry-after': '0' } }, { status: 202 });
    let token = 0;
    const headers = async (): Promise<Record<string, string>> => ({ authorization: `Bearer ${++token}` });
    await (await transportTo(url, { headers })).send(PING);
    expect(seen.map((one) => one.headers.authorization)).toEqual(['Bearer 1', 'Bearer 2']);
  });

  it('go with what ends the session, too', async () => {
    const { url, seen } = await scripted({ status: 200, body: { status: 'terminated' } });
    const transport = await transportTo(url, { headers: { authorization: 'Bearer one' } });
    await transport.terminateSession();
    expect(seen[0]?.headers).toMatchObject({ authorization: 'Bearer one', 'x-session-id': 'a-session' });
  });

  it('that cannot be made fail send(), with why', async () => {
    const { url } = await scripted({ status: 202 });
    const headers = async (): Promise<never> => {
      throw new Error('the token service is down');
    };
    const transport = await transportTo(url, { headers, retryForMs: 0 });
    expect(String(await rejectionOf(transport.send(PING)))).toContain('the token service is down');
  });
});

describe('initialize', () => {
  it('gives the server a secret of this transport’s own, unless the receiver takes unsigned webhooks', async () => {
    const { url, seen } = await scripted({ status: 200 });
    const message = { jsonrpc: '2.0', id: 0, method: 'initialize', params: { _meta: { mine: 1 } } } as const;
    const unsigned = new WebhookReceiver({ secrets: false });
    atTheEnd(() => unsigned.close());
    for (const receiver of [system().receiver, system().receiver, unsigned]) {
      const transport = system().transport({ serverUrl: url, receiver, resendAfterMs: 0 });
      await transport.start();
      await transport.send(message);
    }
    const metas = seen.map(
      ({ body }) => (JSON.parse(body) as { params: { _meta: Record<string, unknown> } }).params._meta,
    );
    const { webhookUrl } = system();
    const secret = expect.stringMatching(/^whsec_/);
    expect(metas).toEqual([
      { mine: 1, webhookUrl, webhookSecret: secret },
      { mine: 1, webhookUrl, webhookSecret: secret },
      { mine: 1, webhookUrl },
    ]);
    expect(metas[0]?.['webhookSecret']).not.toBe(metas[1]?.['webhookSecret']);
  });
});

it('headers that a function makes and that cannot be sent are told of at once', async () => {
  const { url, seen } = await scripted({ status: 202 });
  const transport = await transportTo(url, { headers: () => ({ 'x-session-id': 'mine' }) });
  expect(await rejectionOf(transport.send(PING))).toMatchObject({ code: 'ERR_INVALID_OPTION' });
  expect(seen).toEqual([]);
});

describe('options', () => {
  it.each([
    [{ serverUrl: 'ftp://example.com' }, /"serverUrl"/],
    [{ serverUrl: 'http://user:password@example.com/' }, /"serverUrl"/],
    [{ webhookUrl: '/webhook' }, /"webhookUrl"/],
    [{ receiver: {} }, /"receiver"/],
    [{ clientId: 'two words' }, /"clientId"/],
    [{ headers: { 'X-Client-ID': 'me' } }, /"headers"/],
    [{ headers: { authorization: 1 } }, /"headers"/],
    [{ headers: { authorization: 'Bearer x\n' } }, /"headers" is "authorization".*line breaks/],
    [{ headers: { 'bad name': 'x' } }, /"headers" is "bad name"/],
    [{ headers: { 'Content-Length': '7' } }, /"headers" is "Content-Length"/],
    [{ tls: null }, /"tls"/],
    [{ tls: { rejectUnauthorized: false } }, /"tls".*ca, cert, key/],
    [{ tls: { ca: 5 } }, /"tls"/],
    [{ retryForMs: -1 }, /"retryForMs"/],
    [{ resendAfterMs: 1.5 }, /"resendAfterMs"/],
    [{ allowReplyTo: true }, /"allowReplyTo"/],
    [{ retryFor: 1 }, /no option "retryFor"/],
  ])('are checked: %j', (wrong, message) => {
    const good = {
      serverUrl: 'http://127.0.0.1/mcp',
      webhookUrl: 'http://127.0.0.1/hook',
      receiver: system().receiver,
    };
    const make = (): WebhookClientTransport =>
      new WebhookClientTransport({ ...good, ...wrong } as WebhookClientTransportOptions);
    expect(make).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_OPTION', message: expect.stringMatching(message) }),
    );
  });

  it('never show a secret', () => {
    const secrets = generateSecret().slice(0, -3);
    expect(() => new WebhookReceiver({ secrets })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining(secrets) }),
    );
  });
});

it('two transports of one client id cannot share a receiver', async () => {
  const { url } = await scripted({ status: 202 });
  await transportTo(url, { clientId: 'one' });
  const second = system().transport({ serverUrl: url, clientId: 'one' });
  await expect(new Client({ name: 'test', version: '1.0.0' }).connect(second)).rejects.toMatchObject({
    code: 'ERR_INVALID_OPTION',
  });
});
