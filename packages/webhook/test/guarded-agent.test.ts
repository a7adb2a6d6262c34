import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { rejectionOf } from '@asyncmcp/testkit';
import { Agent } from 'undici';
import { createGuardedAgent, createUrlGuard } from '../src/index.js';
import { selfSigned } from './certificate.js';
import { failureOf, stubLookup } from './support.js';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Dispatcher } from 'undici';
import type { AllowWebhookUrl, GuardedAgentOptions, UrlGuardOptions } from '../src/index.js';

const refused = { name: 'AsyncMcpError', code: 'ERR_REPLY_ADDRESS_REFUSED' };

/** What a test opened and has to close. */
let closing: (() => Promise<unknown>)[] = [];
let requests: string[] = [];
let connections = 0;
let port = 0;
let answer: RequestListener;

async function listen(server: Server): Promise<number> {
  server.on('request', (request, response) => {
    requests.push(`${request.method ?? ''} ${request.url ?? ''}`);
    request.resume();
    answer(request, response);
  });
  server.on('connection', () => connections++);
  server.keepAliveTimeout = 600_000; // it is not the server that lets go
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return (server.address() as AddressInfo).port;
}

beforeEach(async () => {
  closing = [];
  requests = [];
  connections = 0;
  answer = (_request, response) => void response.end('ok');
  port = await listen(createHttpServer());
});

afterEach(async () => {
  for (const close of closing.toReversed()) await close();
});

function agentWith(guard: UrlGuardOptions, options: GuardedAgentOptions = {}): Agent {
  const agent = createGuardedAgent(createUrlGuard(guard), options);
  closing.push(() => agent.destroy());
  return agent;
}

async function post(agent: Agent, origin: string, path = '/hook'): Promise<Dispatcher.ResponseData['statusCode']> {
  const { statusCode, body } = await agent.request({ origin, path, method: 'POST', body: '{}' });
  await body.dump();
  return statusCode;
}

/** All but the address is overlooked, so that it is the address that decides. */
const allButAddresses: AllowWebhookUrl = (_url, { reason }) => reason !== 'address';
const loopback: AllowWebhookUrl = (_url, { range }) => range === undefined || range === 'loopback';

describe('a guarded agent', () => {
  it('refuses addresses in the URL, which node resolves without any lookup', async () => {
    const lookup = stubLookup(['1.1.1.1']);
    const agent = agentWith({ lookup, allowWebhookUrl: allButAddresses });
    const hosts = ['127.0.0.1', '2130706433', '0x7f.1', '[::ffff:127.0.0.1]', '[::1]', '0.0.0.0', '127.0.0.1.'];
    for (const host of hosts) expect(await rejectionOf(post(agent, `http://${host}:${port}`))).toMatchObject(refused);
    expect(lookup.names).toEqual([]);
    expect(connections).toBe(0);
  });

  it('needs more than a lookup for that: with nothing else they are reached', async () => {
    let looked = 0;
    const unguarded = new Agent({ connect: { lookup: () => void looked++ } });
    closing.push(() => unguarded.destroy());
    expect(await post(unguarded, `http://127.0.0.1:${port}`)).toBe(200);
    expect(looked).toBe(0);
  });

  it.each([
    ['private', ['127.0.0.1']],
    ['public and private', ['1.1.1.1', '127.0.0.1']],
    ['private and public', ['127.0.0.1', '1.1.1.1']],
    ['IPv4-mapped', ['::ffff:127.0.0.1']],
  ])('refuses a name whose addresses are %s', async (_what, addresses) => {
    const agent = agentWith({ lookup: stubLookup(addresses), allowWebhookUrl: allButAddresses });
    expect(await rejectionOf(post(agent, `http://hook.example:${port}`))).toMatchObject({
      ...refused,
      details: { reason: 'address' },
    });
    expect(connections).toBe(0);
  });

  it('refuses a name that is public when it is checked and private when it is connected to', async () => {
    const lookup = stubLookup(['1.1.1.1'], ['127.0.0.1']);
    const guard = createUrlGuard({ lookup, allowWebhookUrl: allButAddresses });
    const agent = createGuardedAgent(guard);
    closing.push(() => agent.destroy());
    const url = await guard.check(`http://hook.example:${port}/hook`);
    await new Promise((resolve) => {
      guard.lookupFor(url)('hook.example', { all: true }, resolve);
    });
    expect(await rejectionOf(post(agent, url.origin))).toMatchObject(refused);
    expect(lookup.names).toHaveLength(2);
    expect(connections).toBe(0);
  });

  it('refuses what nothing opened: names, ports, http, credentials', async () => {
    const agent = agentWith({ lookup: stubLookup(['127.0.0.1']) });
    const origins = [`https://localhost:${port}`, `https://hook.example:${port}`, `http://hook.example:443`];
    for (const origin of origins) expect(await rejectionOf(post(agent, origin))).toMatchObject(refused);
    expect(await rejectionOf(post(agent, 'https://user:pass@hook.example'))).toMatchObject({
      ...refused,
      details: { reason: 'credentials' },
    });
    expect(connections).toBe(0);
  });

  it('reaches what allowWebhookUrl opens, by address or name', async () => {
    const agent = agentWith({ lookup: stubLookup(['127.0.0.1']), allowWebhookUrl: loopback });
    expect(await post(agent, `http://127.0.0.1:${port}`)).toBe(200);
    expect(await post(agent, `http://hook.example:${port}`)).toBe(200);
    expect(requests).toEqual(['POST /hook', 'POST /hook']);
  });

  it('asks allowWebhookUrl about the origin, at each new connection', async () => {
    const asked = new Set<string>();
    const agent = agentWith({
      lookup: stubLookup(['127.0.0.1']),
      allowWebhookUrl: (url, { reason }) => {
        asked.add(`${reason} ${url.href}`);
        return true;
      },
    });
    await post(agent, `http://hook.example:${port}`, '/secret?x=1');
    const url = `http://hook.example:${port}/`;
    expect([...asked]).toEqual([`scheme ${url}`, `port ${url}`, `address ${url}`]);
  });

  it('follows no redirect', async () => {
    answer = (request, response) => {
      if (request.url === '/hook') response.writeHead(307, { location: `http://127.0.0.1:${port}/admin` });
      response.end();
    };
    const agent = agentWith({ lookup: stubLookup(['127.0.0.1']), allowWebhookUrl: loopback });
    expect(await post(agent, `http://hook.example:${port}`)).toBe(307);
    expect(requests).toEqual(['POST /hook']);
  });

  it('keeps a connection, and sends one request at a time on it', async () => {
    let atOnce = 0;
    let most = 0;
    answer = (_request, response) => {
      most = Math.max(most, ++atOnce);
      setTimeout(() => {
        atOnce--;
        response.end();
      }, 5);
    };
    const agent = agentWith({ allowWebhookUrl: loopback }, { connectionsPerOrigin: 1 });
    await Promise.all(Array.from({ length: 5 }, () => post(agent, `http://127.0.0.1:${port}`)));
    expect({ connections, most }).toEqual({ connections: 1, most: 1 });
  });

  it('tells everyone who waits that a connection was refused', async () => {
    const agent = agentWith({ lookup: stubLookup(['127.0.0.1']) }, { connectionsPerOrigin: 2 });
    const outcomes = Array.from({ length: 50 }, () => rejectionOf(post(agent, 'https://hook.example')));
    for (const outcome of await Promise.all(outcomes)) expect(outcome).toMatchObject(refused);
    expect(await rejectionOf(post(agent, 'https://hook.example'))).toMatchObject(refused);
  });

  it('hands on what DNS failed with', async () => {
    const failure = Object.assign(new Error('getaddrinfo ENOTFOUND hook.example'), { code: 'ENOTFOUND' });
    const agent = agentWith({ lookup: stubLookup(failure) });
    expect(await rejectionOf(post(agent, 'https://hook.example'))).toMatchObject({ code: 'ENOTFOUND' });
  });

  it('gives up when a name is not resolved in time', async () => {
    const agent = agentWith({ lookup: () => {} }, { connectTimeoutMs: 100 });
    expect(await rejectionOf(post(agent, 'https://hook.example'))).toMatchObject({ code: 'UND_ERR_CONNECT_TIMEOUT' });
  });

  it('does not wait for an endpoint for ever, nor read all that it says', async () => {
    answer = (request, response) => {
      if (request.url === '/long') response.end('x'.repeat(2000));
    };
    const agent = agentWith({ allowWebhookUrl: loopback }, { responseTimeoutMs: 200, maxResponseBytes: 1000 });
    const origin = `http://127.0.0.1:${port}`;
    expect(await rejectionOf(post(agent, origin, '/silent'))).toMatchObject({ code: 'UND_ERR_HEADERS_TIMEOUT' });
    const { statusCode, body } = await agent.request({ origin, path: '/long', method: 'GET' });
    expect(statusCode).toBe(200);
    expect(await rejectionOf(body.text())).toMatchObject({ code: 'UND_ERR_RES_EXCEEDED_MAX_SIZE' });
  });

  it('lets go of an idle connection, whatever the endpoint would like', async () => {
    answer = (_request, response) => {
      response.setHeader('keep-alive', 'timeout=600');
      response.end();
    };
    const agent = agentWith({ allowWebhookUrl: loopback }, { keepAliveTimeoutMs: 100 });
    const disconnected = once(agent, 'disconnect');
    expect(await post(agent, `http://127.0.0.1:${port}`)).toBe(200);
    await disconnected;
  });
});

describe('over https', () => {
  const { cert, key } = selfSigned('hook.example');

  it('reaches an endpoint by its name, and asks for a certificate of that name', async () => {
    const securePort = await listen(createHttpsServer({ cert, key }));
    const guard: UrlGuardOptions = { lookup: stubLookup(['127.0.0.1']), allowWebhookUrl: loopback };
    const agent = agentWith(guard, { tls: { ca: cert } });
    expect(await post(agent, `https://hook.example:${securePort}`)).toBe(200);
    expect(await rejectionOf(post(agent, `https://other.example:${securePort}`))).toMatchObject({
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
    expect(await rejectionOf(post(agentWith(guard), `https://hook.example:${securePort}`))).toMatchObject({
      code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
    });
  });

  it('refuses private addresses before a byte is sent', async () => {
    const securePort = await listen(createHttpsServer({ cert, key }));
    const lookup = stubLookup(['127.0.0.1']);
    const agent = agentWith({ lookup, allowWebhookUrl: allButAddresses }, { tls: { ca: cert } });
    for (const host of ['hook.example', '127.0.0.1', '[::ffff:127.0.0.1]']) {
      expect(await rejectionOf(post(agent, `https://${host}:${securePort}`))).toMatchObject(refused);
    }
    expect(connections).toBe(0);
  });
});

describe('options', () => {
  it.each([
    ['connectTimeoutMs', 0],
    ['responseTimeoutMs', '30'],
    ['keepAliveTimeoutMs', -1],
    ['connectionsPerOrigin', 0],
    ['maxResponseBytes', -1],
    ['socketPath', '/var/run/docker.sock'],
    ['connect', {}],
  ])('%s: %p is refused', (option, value) => {
    expect(failureOf(() => createGuardedAgent(createUrlGuard(), { [option]: value }))).toMatchObject({
      code: 'ERR_INVALID_OPTION',
      details: { option },
    });
  });
});
