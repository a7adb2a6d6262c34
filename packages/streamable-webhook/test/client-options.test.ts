import { createServer } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { listenOnLoopback, rejectionOf, until } from '@asyncmcp/testkit';
import { WebhookReceiver } from '@asyncmcp/webhook';
import { StreamableWebhookClientTransport } from '../src/index.js';
import { call, callsIn, methodOf, useSystem } from './client-system.js';
import { verifierOf } from './tokens.js';
import type { IncomingHttpHeaders } from 'node:http';
import type { OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js';
import type { OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js';
import type { Fetch, StreamableWebhookClientTransportOptions } from '../src/index.js';

const system = useSystem();

interface Scripted {
  readonly url: string;
  /** Of each request. */
  readonly seen: {
    readonly method: string;
    readonly headers: IncomingHttpHeaders;
    readonly body: string;
    at: number;
  }[];
}

/** A server that answers what it is told to, the last again and again. */
async function scripted(
  ...answers: { status: number; headers?: Record<string, string>; body?: unknown }[]
): Promise<Scripted> {
  const seen: Scripted['seen'] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => void chunks.push(chunk));
    request.on('end', () => {
      const { status = 202, headers = {}, body = {} } = answers[Math.min(seen.length, answers.length - 1)] ?? {};
      const { method = '', headers: asked } = request;
      seen.push({ method, headers: asked, body: Buffer.concat(chunks).toString('utf8'), at: performance.now() });
      response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
    });
  });
  const origin = await listenOnLoopback(server);
  system().atTheEnd(async () => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `${origin}/mcp`, seen };
}

const PING = { jsonrpc: '2.0', id: 1, method: 'ping' } as const;
const PONG = {
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: { jsonrpc: '2.0', id: 1, result: {} },
};

const refusal = (code: number, data: object): object => ({ jsonrpc: '2.0', error: { code, message: 'no', data } });

const INITIALIZE = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
} as const;

/** A started transport towards such a server. */
async function transportTo(
  serverUrl: string,
  options: Partial<StreamableWebhookClientTransportOptions> = {},
): Promise<StreamableWebhookClientTransport> {
  const transport = system().transport({ serverUrl, retryForMs: 3000, ...options });
  await transport.start();
  return transport;
}

describe('options', () => {
  it.each<[string, unknown, RegExp]>([
    ['serverUrl', undefined, /undefined/],
    ['serverUrl', 'ftp://example.com', /http or https URL/],
    ['serverUrl', 'http://user:password@example.com/', /without credentials/],
    ['webhookUrl', '/webhook', /http or https URL/],
    ['webhookUrl', 7, /is 7, .*http or https URL/],
    ['receiver', {}, /a WebhookReceiver/],
    ['receiver', undefined, /a WebhookReceiver/],
    ['clientId', 'two words', /"two words".*1 to 128 visible ASCII/],
    ['clientId', '', /1 to 128 visible ASCII/],
    ['headers', 'authorization: Bearer', /an object of header names/],
    ['headers', { authorization: 1 }, /"authorization".*text without line breaks/],
    ['headers', { 'X-Client-ID': 'me' }, /"X-Client-ID".*none of them a header of the wire format/],
    ['headers', { 'x-message-id': 'mine' }, /"x-message-id"/],
    ['headers', { 'Content-Type': 'text/plain' }, /"Content-Type"/],
    ['headers', { 'Mcp-Session-Id': 'mine' }, /"Mcp-Session-Id"/],
    ['headers', { 'mcp-protocol-version': '2025-11-25' }, /"mcp-protocol-version"/],
    ['headers', { 'Last-Event-ID': '1' }, /"Last-Event-ID"/],
    ['headers', { accept: 'text/html' }, /"accept"/],
    ['authProvider', {}, /tokens.*missing/],
    ['authProvider', true, /is true, .*tokens/],
    ['fetch', {}, /a function/],
    ['reconnectionOptions', 7, /is 7, .*maxRetries/],
    ['reconnectionOptions', { maxRetries: 3 }, /initialReconnectionDelay/],
    ['retryForMs', -1, /is -1, .*from 0 to 86400000 milliseconds/],
    ['retryForMs', '1000', /"1000".*from 0 to 86400000 milliseconds/],
    ['resendAfterMs', 1.5, /is 1.5, .*from 0 to 86400000 milliseconds/],
    ['tls', true, /is true, .*ca, cert, key/],
    ['logger', {}, /debug, info, warn, error/],
    ['retryFor', 1, /no option "retryFor".*serverUrl/],
    ['allowReplyTo', () => true, /no option "allowReplyTo"/],
  ])('are checked at construction: %s: %p', (name, value, message) => {
    const good = {
      serverUrl: 'http://127.0.0.1/mcp',
      webhookUrl: 'http://127.0.0.1/hook',
      receiver: system().receiver,
    };
    const make = () => new StreamableWebhookClientTransport({ ...good, [name]: value });
    expect(make).toThrow(
      expect.objectContaining({
        code: 'ERR_INVALID_OPTION',
        message: expect.stringMatching(new RegExp(`"${name}"`)),
        details: expect.objectContaining({ option: name }),
      }),
    );
    expect(make).toThrow(message);
  });

  it('may be left out, but for three', () => {
    const receiver = new WebhookReceiver();
    const good = { serverUrl: 'http://127.0.0.1/mcp', webhookUrl: 'http://127.0.0.1/hook', receiver };
    const [one, other] = [new StreamableWebhookClientTransport(good), new StreamableWebhookClientTransport(good)];
    expect(one.clientId).not.toBe(other.clientId);
    expect(one.sessionId).toBeUndefined();
  });
});

describe('send()', () => {
  it.each([
    [429, { 'retry-after': '0' }],
    [503, {}],
    [502, {}],
    [408, {}],
  ])('tries again when it is answered %d, with the same X-Message-ID', async (status, headers) => {
    const { url, seen } = await scripted({ status, headers }, { status, headers }, PONG);
    await (await transportTo(url)).send(PING);
    expect(seen).toHaveLength(3);
    expect(new Set(seen.map((one) => one.headers['x-message-id'])).size).toBe(1);
    expect(new Set(seen.map((one) => one.body))).toEqual(new Set([JSON.stringify(PING)]));
  });

  it('waits as long as Retry-After says', async () => {
    const { url, seen } = await scripted({ status: 503, headers: { 'retry-after': '1' } }, PONG);
    await (await transportTo(url)).send(PING);
    expect((seen[1]?.at ?? 0) - (seen[0]?.at ?? 0)).toBeGreaterThan(950);
  });

  it.each([
    ['the server’s own code', 400, refusal(-32600, { code: 'ERR_PROTOCOL_VERSION' }), 'ERR_PROTOCOL_VERSION'],
    ['a code that no client knows', 400, refusal(-32600, { code: 'ERR_OF_TOMORROW' }), 'ERR_MESSAGE_INVALID'],
    ['a bad token', 401, refusal(-32600, { code: 'ERR_ACCESS_DENIED' }), 'ERR_ACCESS_DENIED'],
    ['a proxy that says no', 403, '<html>', 'ERR_ACCESS_DENIED'],
    ['a URL that is wrong', 404, 'Not Found', 'ERR_DESTINATION_GONE'],
    ['too much', 413, refusal(-32600, { code: 'ERR_MESSAGE_TOO_LARGE', limitBytes: 5 }), 'ERR_MESSAGE_TOO_LARGE'],
    ['a redirect, which is not followed', 302, '', 'ERR_MESSAGE_INVALID'],
    ['a broken server', 500, refusal(-32603, { code: 'ERR_CREATE_SERVER' }), 'ERR_CREATE_SERVER'],
  ])('rejects at once for %s', async (_what, status, body, code) => {
    const { url, seen } = await scripted({ status, body, headers: { location: 'http://127.0.0.1:1/' } });
    const transport = await transportTo(url);
    const errors: Error[] = [];
    transport.onerror = (error) => void errors.push(error);
    const error = await rejectionOf(transport.send(PING));
    expect(error).toMatchObject({ name: 'AsyncMcpError', code, details: { status } });
    expect(seen).toHaveLength(1);
    await transport.close();
    expect(errors).toEqual([]);
  });

  it('has the server’s JSON-RPC error in what it rejects with', async () => {
    const { url } = await scripted({
      status: 400,
      body: refusal(-32602, { code: 'ERR_REPLY_ADDRESS_REFUSED', reason: 'port' }),
    });
    const error = await rejectionOf((await transportTo(url)).send(INITIALIZE));
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

  it('says where a webhook is to go, and what to sign it with, in initialize only', async () => {
    await system().server();
    const client = await system().client();
    await client.ping();
    const [initialize, ...rest] = system().seen.filter(({ method }) => method === 'POST');
    const { params } = JSON.parse(initialize?.body ?? '{}') as { params: { _meta: unknown } };
    const webhookSecret = expect.stringMatching(/^whsec_/);
    expect(params._meta).toEqual({ webhookUrl: system().webhookUrl, webhookSecret });
    expect(rest.filter(({ body }) => body.includes('whsec_'))).toEqual([]);
  });
});

describe('the option headers', () => {
  it('is asked for anew at each try', async () => {
    const { url, seen } = await scripted({ status: 503, headers: { 'retry-after': '0' } }, PONG);
    let token = 0;
    const headers = async (): Promise<Record<string, string>> => ({ authorization: `Bearer ${++token}` });
    await (await transportTo(url, { headers })).send(PING);
    expect(seen.map((one) => one.headers.authorization)).toEqual(['Bearer 1', 'Bearer 2']);
  });

  it('goes with everything that is sent', async () => {
    await system().server();
    const transport = system().transport({ headers: { Authorization: 'Bearer one', 'X-Tenant': 'blue' } });
    const client = await system().client(transport);
    await client.ping();
    await until(() => system().seen.some(({ method }) => method === 'GET'), { message: 'the client to listen' });
    await transport.terminateSession();
    expect(new Set(system().seen.map(({ method }) => method))).toEqual(new Set(['POST', 'GET', 'DELETE']));
    for (const { headers } of system().seen) {
      expect(headers).toMatchObject({ authorization: 'Bearer one', 'x-tenant': 'blue' });
      expect(headers['x-client-id']).toBe(transport.clientId);
    }
  });

  it('that cannot be made fails send(), with why', async () => {
    const { url } = await scripted(PONG);
    const headers = async (): Promise<never> => {
      throw new Error('the token service is down');
    };
    const transport = await transportTo(url, { headers, retryForMs: 0 });
    expect(String(await rejectionOf(transport.send(PING)))).toContain('the token service is down');
  });

  it('that comes to a header of the wire format fails send()', async () => {
    const { url, seen } = await scripted(PONG);
    const transport = await transportTo(url, { headers: async () => ({ 'Mcp-Session-Id': 'mine' }), retryForMs: 0 });
    expect(String(await rejectionOf(transport.send(PING)))).toContain('Mcp-Session-Id');
    expect(seen).toEqual([]);
  });
});

describe('the option fetch', () => {
  it('sends everything, and both ways back work', async () => {
    await system().server();
    const used: string[] = [];
    const custom: Fetch = (url, init) => {
      used.push(init?.method ?? 'GET');
      return fetch(url, init);
    };
    const transport = system().transport({ fetch: custom });
    const client = await system().client(transport);
    expect(await call(client, 'echo', { value: 'here' })).toBe('here');
    expect(await call(client, 'echo_by_webhook', { value: 'there' })).toBe('there');
    await until(() => used.includes('GET'), { message: 'the client to listen' });
    await transport.terminateSession();
    expect(used).toHaveLength(system().seen.length);
    expect(used.at(-1)).toBe('DELETE');
  });

  it('is used again when it fails', async () => {
    const { runs } = await system().server();
    let failures = 0;
    const custom: Fetch = async (url, init) => {
      if (typeof init?.body === 'string' && init.body.includes('tools/call') && failures++ < 2)
        throw new TypeError('fetch failed');
      return fetch(url, init);
    };
    const client = await system().client(system().transport({ fetch: custom }));
    expect(await call(client, 'echo', { value: 'here' })).toBe('here');
    expect(await call(client, 'echo_by_webhook', { value: 'there' })).toBe('there');
    expect(runs).toHaveLength(2);
  });
});

/** As little as the SDK's flow needs: a token that is there, or that is refreshed with the refresh token. */
class Provider implements OAuthClientProvider {
  readonly redirectUrl = 'http://127.0.0.1/callback';
  readonly clientMetadata = { redirect_uris: [], client_name: 'test' };
  redirected = 0;
  given: OAuthTokens | undefined;

  constructor(given: OAuthTokens | undefined) {
    this.given = given;
  }

  clientInformation = () => ({ client_id: 'test' });
  tokens = () => this.given;
  saveTokens = (tokens: OAuthTokens): void => void (this.given = tokens);
  redirectToAuthorization = (): void => void this.redirected++;
  saveCodeVerifier = (): void => {};
  codeVerifier = (): string => 'verifier';
}

/** An authorization server that gives the token `alice` to whoever shows the refresh token. */
async function startAuthorization(): Promise<string> {
  let origin = '';
  const server = createServer((request, response) => {
    request.setEncoding('utf8');
    let body = '';
    request.on('data', (chunk: string) => void (body += chunk));
    request.on('end', () => {
      const json = (status: number, answer: object): void =>
        void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
      if (request.url?.startsWith('/.well-known/oauth-authorization-server') === true) {
        return json(200, {
          issuer: origin,
          authorization_endpoint: `${origin}/authorize`,
          token_endpoint: `${origin}/token`,
          response_types_supported: ['code'],
        });
      }
      if (request.url !== '/token') return json(404, {});
      const known = new URLSearchParams(body).get('refresh_token') === 'refresh';
      return known ? json(200, { access_token: 'alice', token_type: 'bearer' }) : json(400, { error: 'invalid_grant' });
    });
  });
  origin = await listenOnLoopback(server);
  system().atTheEnd(async () => {
    server.closeAllConnections();
    server.close();
  });
  return origin;
}

/** A server that takes the token `alice` only and says where to get one; and a token that it does not take. */
async function protectedServer(): Promise<{ readonly stale: OAuthTokens }> {
  const url = await startAuthorization();
  const metadata = createServer((_request, response) => {
    const answer = { resource: system().serverUrl, authorization_servers: [url] };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
  const origin = await listenOnLoopback(metadata);
  system().atTheEnd(async () => {
    metadata.closeAllConnections();
    metadata.close();
  });
  await system().server({ auth: { verifier: verifierOf('alice'), resourceMetadataUrl: `${origin}/metadata` } });
  const stale = { access_token: 'stale', token_type: 'bearer', refresh_token: 'refresh', issuer: url };
  return { stale };
}

describe('the option authProvider', () => {
  it('gives the token that goes with everything', async () => {
    await protectedServer();
    const authProvider = new Provider({ access_token: 'alice', token_type: 'bearer' });
    const transport = system().transport({ authProvider });
    const client = await system().client(transport);
    expect(await call(client, 'echo_by_webhook', { value: 'hers' })).toBe('hers');
    await until(() => system().seen.some(({ method }) => method === 'GET'), { message: 'the client to listen' });
    await transport.terminateSession();
    expect(new Set(system().seen.map(({ headers }) => headers.authorization))).toEqual(new Set(['Bearer alice']));
  });

  it('is asked for another when the server answers 401, and the message goes again under its id', async () => {
    const { stale } = await protectedServer();
    const authProvider = new Provider(stale);
    const client = await system().client(system().transport({ authProvider }));
    const tries = system().seen.filter((one) => methodOf(one) === 'initialize');
    expect(tries.map(({ headers }) => headers.authorization)).toEqual(['Bearer stale', 'Bearer alice']);
    expect(new Set(tries.map(({ headers }) => headers['x-message-id'])).size).toBe(1);

    authProvider.given = stale;
    expect(await call(client, 'echo_by_webhook', { value: 'hers' })).toBe('hers');
    authProvider.given = stale;
    expect(await call(client, 'echo', { value: 'hers' })).toBe('hers');
    const calls = callsIn(system().seen).map(({ headers }) => headers.authorization);
    expect(calls).toEqual(['Bearer stale', 'Bearer alice', 'Bearer stale', 'Bearer alice']);
  });

  it('is told to send the user where there is no token, and the connection fails as the SDK’s does', async () => {
    await protectedServer();
    const authProvider = new Provider(undefined);
    const transport = system().transport({ authProvider });
    const failure = await rejectionOf(system().client(transport));
    expect(String(failure)).toContain('Unauthorized');
    expect(authProvider.redirected).toBe(1);
  });

  it('is not needed to be told that a token is no good', async () => {
    await protectedServer();
    const transport = system().transport({ headers: { authorization: 'Bearer mallory' } });
    expect(await rejectionOf(system().client(transport))).toMatchObject({
      code: 'ERR_ACCESS_DENIED',
      details: { status: 401 },
    });
  });
});
