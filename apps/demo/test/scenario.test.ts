import { afterEach, describe, expect, it } from '@jest/globals';
import { ScenarioError, Trace, runScenario } from '@asyncmcp/demo-client';
import { createDemoMcpServer, createSafeFetch } from '@asyncmcp/demo-server';
import { MemoryBroker, MemoryClientTransport, MemoryServer, rejectionOf } from '@asyncmcp/testkit';
import { startPageServer } from '../src/page-server.js';
import type { ServerLike, SessionInfo } from '@asyncmcp/core';
import type { DemoTransport } from '@asyncmcp/demo-client';
import type { Broadcast } from '@asyncmcp/demo-server';
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';

describe('scenario', () => {
  let server: MemoryServer | undefined;

  /** Runs the scenario in memory, against a demo server whose messages have a text in them replaced. */
  async function scenario(replaced = '', by = '', change = (transport: DemoTransport) => transport): Promise<string[]> {
    const broker = new MemoryBroker();
    broker.createQueue('requests');
    const createServer = (session: SessionInfo): ServerLike => tampered(createDemoMcpServer(session), replaced, by);
    server = new MemoryServer({ broker, requestQueue: 'requests', createServer });
    await server.start();
    const lines: string[] = [];
    const createTransport = (): DemoTransport =>
      change(new MemoryClientTransport({ broker, requestQueue: 'requests' }));
    try {
      await runScenario({ createTransport, trace: new Trace(), print: (line) => void lines.push(line) });
      return lines;
    } catch (error) {
      throw Object.assign(error as Error, { lines });
    }
  }

  /** The same with a page for the server to get. */
  async function scenarioWithPage(replaced = '', by = ''): Promise<string[]> {
    const page = await startPageServer();
    const safeFetch = createSafeFetch({ allowPrivate: () => true });
    const broker = new MemoryBroker();
    broker.createQueue('requests');
    const createServer = (session: SessionInfo): ServerLike =>
      tampered(createDemoMcpServer(session, { safeFetch }), replaced, by);
    server = new MemoryServer({ broker, requestQueue: 'requests', createServer });
    await server.start();
    const lines: string[] = [];
    const createTransport = (): DemoTransport => new MemoryClientTransport({ broker, requestQueue: 'requests' });
    try {
      await runScenario({ createTransport, page, trace: new Trace(), print: (line) => void lines.push(line) });
      return lines;
    } finally {
      await page.close();
    }
  }

  /** The same with a broadcast, which reaches each client as often as it says: the first, the other. */
  async function scenarioWithBroadcast(times: readonly number[]): Promise<string[]> {
    const broker = new MemoryBroker();
    broker.createQueue('requests');
    const servers: McpServer[] = [];
    const broadcast: Broadcast = async (notification) => {
      for (const [index, { server: each }] of servers.entries()) {
        for (let time = 0; time < (times[index] ?? 0); time++) await each.notification(notification);
      }
    };
    const createServer = (session: SessionInfo): ServerLike => {
      const mcp = createDemoMcpServer(session, { broadcast });
      servers.push(mcp);
      return mcp;
    };
    server = new MemoryServer({ broker, requestQueue: 'requests', createServer });
    await server.start();
    const lines: string[] = [];
    const createTransport = (): DemoTransport => new MemoryClientTransport({ broker, requestQueue: 'requests' });
    const print = (line: string): void => void lines.push(line);
    await runScenario({ createTransport, createListener: createTransport, trace: new Trace(), print });
    return lines;
  }

  afterEach(async () => {
    await server?.close();
  });

  it('has one more step where servers can broadcast', async () => {
    const lines = await scenarioWithBroadcast([1, 1]);
    expect(lines.at(-1)).toContain('9 of 9 steps checked');
  });

  it.each([
    ['twice', [1, 2]],
    ['not at all', [1, 0]],
  ])('fails at the broadcast when a client hears it %s', async (_often, times) => {
    expect(await rejectionOf(scenarioWithBroadcast(times))).toMatchObject({ step: 'broadcast' });
  });

  it('has two more steps where there is a page', async () => {
    const lines = await scenarioWithPage();
    expect(lines.at(-1)).toContain('10 of 10 steps checked');
  });

  it.each([
    ['fetch', '"status":200', '"status":500'],
    ['fetch', 'Queues, in brief', 'Topics, in brief'],
    ['analyze', '"words":49', '"words":50'],
    ['analyze', '"message":"got', '"note":"got'],
    ['analyze', '"progress":2,"total":4', '"progress":3,"total":4'],
  ])('fails at the step "%s" when the server says something else than %s', async (step, replaced, by) => {
    expect(await rejectionOf(scenarioWithPage(replaced, by))).toMatchObject({ step });
  });

  it('passes with the demo server, whatever the transport', async () => {
    const lines = await scenario();
    expect(lines.at(-1)).toContain('8 of 8 steps checked');
  });

  it.each([
    ['handshake', '"name":"asyncmcp-demo-server"', '"name":"somebody-else"'],
    ['tool list', '"name":"divide"', '"name":"subtract"'],
    ['quick tool', 'Hello, Ada!', 'Good day!'],
    ['slow tool', '28 words', '27 words'],
    ['slow tool', '"progress":3,', '"progress":4,'],
    ['asked back', 'Nice to meet you', 'Charmed'],
    ['asked back', '"name":{"type":"string"', '"nick":{"type":"string"'],
    ['cancelled call', '"cancelled":1', '"cancelled":0'],
    ['failing tool', '"isError":true', '"isError":false'],
  ])('fails at the %s when the server says something else than %s', async (step, replaced, by) => {
    const error = await rejectionOf(scenario(replaced, by));
    expect(error).toBeInstanceOf(ScenarioError);
    expect(error).toMatchObject({ step, lines: expect.arrayContaining([expect.stringContaining(`✗ ${step}`)]) });
    expect(error).toMatchObject({ lines: expect.arrayContaining([expect.stringContaining(`"${step}" failed: `)]) });
  });

  it('fails at the end when the session goes on', async () => {
    const forgetful = (transport: DemoTransport): DemoTransport =>
      Object.assign(transport, {
        terminateSession: async () => {
          delete transport.sessionId;
        },
      });
    expect(await rejectionOf(scenario('', '', forgetful))).toMatchObject({ step: "session's end" });
  });
});

function tampered(server: ServerLike, replaced: string, by: string): ServerLike {
  if (replaced === '') return server;
  return {
    connect(transport) {
      const send = transport.send.bind(transport);
      transport.send = (message, options) =>
        send(JSON.parse(JSON.stringify(message).replaceAll(replaced, by)) as JSONRPCMessage, options);
      return server.connect(transport);
    },
    close: () => server.close(),
  };
}
