import { createServer } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { request } from 'undici';
import { listenOnLoopback, until } from '@asyncmcp/testkit';
import { WebhookClientTransport, WebhookReceiver } from '../src/index.js';
import { http, initialize, ping } from './http-client.js';
import { atTheEnd, endpoint, startServer } from './server-system.js';
import type { IncomingMessage } from 'node:http';

/** What asyncmcp 0.2.1 for Python sends and expects, by its source: no message ids, no signatures, no echo of the client id. */
describe('a Python client', () => {
  it('is served, and what it does not know does not disturb it', async () => {
    const server = await startServer();
    const hook = await endpoint();
    const headers = { 'x-client-id': 'mcp-client-1a2b3c4d', 'x-method': 'initialize', 'x-request-id': '0' };
    const opened = await http('POST', server.url, { headers, body: initialize(hook.url, 0) });
    expect(opened.body).toMatchObject({ status: 'session_created', session_id: opened.headers['x-session-id'] });
    const reply = await hook.reply(0);
    expect(reply.headers['x-session-id']).toBe(opened.headers['x-session-id']);
    expect(reply.headers).not.toHaveProperty('webhook-signature');
    const inSession = { 'x-client-id': headers['x-client-id'], 'x-session-id': String(reply.headers['x-session-id']) };
    const initialized = { jsonrpc: '2.0', method: 'notifications/initialized' };
    expect((await http('POST', server.url, { headers: inSession, body: initialized })).status).toBe(202);
    expect((await http('POST', server.url, { headers: inSession, body: ping(1) })).status).toBe(202);
    await hook.reply(1);
  });
});

describe('a Python server', () => {
  it('serves a client whose receiver takes what is not signed', async () => {
    const python = await startPythonServer();
    const receiver = new WebhookReceiver({ secrets: false });
    const { url } = await receiver.listen({ port: 0 });
    atTheEnd(() => receiver.close());
    const transport = new WebhookClientTransport({
      serverUrl: python.url,
      webhookUrl: `${url}/webhook/response`,
      receiver,
    });
    const client = new Client({ name: 'test', version: '1.0.0' });
    await client.connect(transport);
    expect(transport.sessionId).toBe('python-session');
    const pending = client.ping();
    await python.calls(1);
    await python.answerPing();
    expect(await pending).toEqual({});
    await client.close();
  });
});

interface Message {
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: { readonly _meta?: { readonly webhookUrl?: string } };
}

interface PythonServer {
  readonly url: string;
  /** Waits until this many pings have come. */
  calls(count: number): Promise<void>;
  answerPing(): Promise<void>;
}

async function startPythonServer(): Promise<PythonServer> {
  const received: Message[] = [];
  let webhookUrl = '';
  const deliver = async (id: unknown, result: object): Promise<void> => {
    const headers = { 'content-type': 'application/json', 'x-session-id': 'python-session' };
    const body = JSON.stringify({ jsonrpc: '2.0', id, result });
    const answer = await request(webhookUrl, { method: 'POST', headers, body });
    await answer.body.dump();
    expect(answer.statusCode).toBe(200);
  };
  const server = createServer((incoming, response) => {
    void readJson(incoming).then(async (message) => {
      received.push(message);
      webhookUrl = message.params?._meta?.webhookUrl ?? webhookUrl;
      const opening = message.method === 'initialize';
      const body = opening ? { status: 'session_created', session_id: 'python-session' } : { status: 'received' };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      const serverInfo = { name: 'python', version: '0.2.1' };
      if (opening) await deliver(message.id, { protocolVersion: '2025-06-18', capabilities: {}, serverInfo });
    });
  });
  const origin = await listenOnLoopback(server);
  atTheEnd(async () => {
    server.closeAllConnections();
    server.close();
  });
  const pings = (): Message[] => received.filter(({ method }) => method === 'ping');
  return {
    url: `${origin}/mcp/request`,
    calls: async (count) => void (await until(() => pings().length >= count, { message: `${count} pings` })),
    answerPing: () => deliver(pings()[0]?.id, {}),
  };
}

async function readJson(incoming: IncomingMessage): Promise<Message> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString('utf8')) as Message;
}
