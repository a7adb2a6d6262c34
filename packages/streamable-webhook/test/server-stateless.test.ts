import { describe, expect, it } from '@jest/globals';
import { until } from '@asyncmcp/testkit';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { StreamableWebhookServer } from '../src/index.js';
import { atTheEnd, call, http, initialize, open, post, startServer, textOf } from './server-system.js';

describe('a stateless server', () => {
  it('serves each request by itself, with a server of its own and no session', async () => {
    const server = await startServer({ stateless: true });
    const answer = await post(server.url, call(1, 'echo', { value: 'once' }));
    expect(answer.headers['content-type']).toBe('text/event-stream');
    expect(answer.headers).not.toHaveProperty('mcp-session-id');
    expect(textOf(answer.messages[0])).toBe('once');
    const opened = await post(server.url, initialize());
    expect(opened.headers).not.toHaveProperty('mcp-session-id');
    expect(server.made).toHaveLength(2);
    await until(() => server.made.every((mcp) => !mcp.isConnected()), { message: 'its servers to be closed' });
    expect(server.server.sessions.list()).toEqual([]);
    expect(await server.server.sessions.terminate('any')).toBe(false);
  });

  it('answers with JSON where that is wanted, and marked tools like any other', async () => {
    const { url } = await startServer({ stateless: true, jsonResponse: true });
    const answer = await post(url, call(1, 'echo_by_webhook', { value: 'JSON' }));
    expect(answer.headers['content-type']).toMatch(/^application\/json/);
    expect(textOf(answer.messages[0])).toBe('JSON');
  });

  it('has nothing to listen to and nothing to end', async () => {
    const { url } = await startServer({ stateless: true });
    expect(await http('GET', url)).toMatchObject({ status: 405, headers: { allow: 'POST' } });
    expect(await http('DELETE', url)).toMatchObject({ status: 405 });
  });

  it("serves the SDK's own client", async () => {
    const { url } = await startServer({ stateless: true });
    const client = new Client({ name: 'stock', version: '1.0.0' });
    atTheEnd(() => client.close());
    await client.connect(new StreamableHTTPClientTransport(new URL(url)));
    expect(await client.callTool({ name: 'echo', arguments: { value: 'hello' } })).toMatchObject({
      content: [{ text: 'hello' }],
    });
  });

  it('refuses what is malformed, and says later where its server cannot be made', async () => {
    const server = await startServer({
      stateless: true,
      createServer: () => {
        throw new Error('out of order');
      },
    });
    expect(await post(server.url, '{')).toMatchObject({ status: 400 });
    expect(await post(server.url, call(1, 'echo'))).toMatchObject({ status: 503 });
    expect(server.errors).toMatchObject([{ code: 'ERR_CREATE_SERVER' }]);
  });

  it('tells more than it may have in flight to wait', async () => {
    const server = await startServer({ stateless: true, maxCallsInFlight: 1 });
    const stream = await open('POST', server.url, {}, call(1, 'slow'));
    expect(await post(server.url, call(2, 'echo', { value: '' }))).toMatchObject({ status: 503 });
    server.finish();
    await until(() => stream.ended(), { message: 'the end of the call' });
    expect(await post(server.url, call(3, 'echo', { value: '' }))).toMatchObject({ status: 200 });
  });

  it('lets what is under way finish when it closes', async () => {
    const server = await startServer({ stateless: true });
    const stream = await open('POST', server.url, {}, call(1, 'slow'));
    await until(() => server.calls.length === 1, { message: 'the call' });
    const closed = server.server.close();
    server.finish();
    expect(textOf(await stream.next('the result', ({ id }) => id === 1))).toBe('slow and steady');
    await closed;
  });

  it.each(['webhookTools', 'eventStore', 'store'] as const)('takes no %s', async (name) => {
    const options = { stateless: true, createServer: () => ({ connect: async () => {}, close: async () => {} }) };
    const value = { webhookTools: ['x'], eventStore: {}, store: {} }[name];
    expect(() => new StreamableWebhookServer({ ...options, [name]: value })).toThrow(
      expect.objectContaining({
        code: 'ERR_INVALID_OPTION',
        details: expect.objectContaining({ option: expect.any(String) }),
      }),
    );
  });
});
