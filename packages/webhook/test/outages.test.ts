import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { createDeferred, until } from '@asyncmcp/testkit';
import { MemorySessionStore } from '@asyncmcp/core';
import { call, useSystem } from './system.js';
import type { AddressInfo } from 'node:net';

const system = useSystem();

function echoServer(gate?: Promise<void>): McpServer {
  const mcp = new McpServer({ name: 'outages', version: '1.0.0' });
  mcp.registerTool('work', {}, async () => {
    await gate;
    return { content: [{ type: 'text', text: 'done' }] };
  });
  return mcp;
}

/** A server that is not there for a time: its port refuses connections, and then answers again. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

describe('an outage', () => {
  it('of the client’s endpoint for 20 seconds: every reply arrives once, and the calls succeed', async () => {
    const gate = createDeferred<void>();
    await system().server({ createServer: () => echoServer(gate.promise) });
    // No second copies: what arrives has to come from the server's own tries.
    const transport = system().transport({ resendAfterMs: 0 });
    const client = await system().client(transport);
    const responses: unknown[] = [];
    const { onmessage } = transport;
    transport.onmessage = (message, extra) => {
      if ('result' in message) responses.push(message.id);
      onmessage?.(message, extra);
    };
    const calls = Array.from({ length: 5 }, () => call(client, 'work'));
    system().replies.down = true;
    const began = performance.now();
    gate.resolve();
    await until(() => performance.now() - began > 20_000, {
      message: '20 seconds',
      timeoutMs: 25_000,
      intervalMs: 250,
    });
    system().replies.down = false;
    expect(await Promise.all(calls)).toEqual(Array(5).fill('done'));
    expect(new Set(responses).size).toBe(5);
    expect(responses).toHaveLength(5);
    expect(transport.counters).toEqual({ duplicates: 0, foreign: 0, invalid: 0 });
  }, 60_000);

  it('of the server: a message is posted until somebody takes it', async () => {
    const store = new MemorySessionStore();
    const first = await system().server({ store, createServer: () => echoServer() });
    const client = await system().client();
    await first.close();
    system().targets.length = 0;
    const answer = call(client, 'work');
    const before = system().requests.refused;
    await until(() => system().requests.refused > before + 2, { message: 'three tries' });
    await system().server({ store, createServer: () => echoServer() });
    expect(await answer).toBe('done');
  });

  it('of a server that never comes: send() rejects when the time is up', async () => {
    const port = await freePort();
    const transport = system().transport({ serverUrl: `http://127.0.0.1:${port}/mcp/request`, retryForMs: 300 });
    await expect(system().client(transport)).rejects.toMatchObject({ code: 'ERR_UNAVAILABLE' });
  });

  it('a lost yes: the copy that is posted is absorbed, and the call runs once', async () => {
    let runs = 0;
    await system().server({
      createServer: () => {
        const mcp = new McpServer({ name: 'outages', version: '1.0.0' });
        mcp.registerTool('work', {}, async () => ({ content: [{ type: 'text', text: `run ${++runs}` }] }));
        return mcp;
      },
    });
    const client = await system().client();
    system().requests.next(1, 'lose-answer');
    expect(await call(client, 'work')).toBe('run 1');
    expect(await call(client, 'work')).toBe('run 2');
  });

  it('a restart between request and reply, with a shared store: the session goes on, and the call is answered', async () => {
    const store = new MemorySessionStore();
    const never = createDeferred<void>();
    const first = await system().server({ store, drainTimeoutMs: 10, createServer: () => echoServer(never.promise) });
    const client = await system().client();
    const { sessionId } = client.transport ?? {};
    const pending = call(client, 'work');
    await until(() => first.sessions.list()[0]?.callsInFlight === 1, { message: 'the call to run' });
    await first.close();
    system().targets.length = 0;
    const second = await system().server({ store, createServer: () => echoServer() });
    expect(await pending).toBe('done');
    expect(await call(client, 'work')).toBe('done');
    expect(second.sessions.list().map(({ id }) => id)).toEqual([sessionId]);
    never.resolve();
  });
});
