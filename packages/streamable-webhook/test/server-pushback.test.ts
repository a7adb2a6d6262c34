import { connect } from 'node:net';
import { expect, it } from '@jest/globals';
import { until } from '@asyncmcp/testkit';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { atTheEnd, call, openSession, startServer } from './server-system.js';
import type { Socket } from 'node:net';

const COUNT = 600;
/** All of them are several times what the buffers of two sockets hold. */
const TEXT = 'x'.repeat(50_000);

it('lets a tool say no faster than its client reads, and loses nothing of it', async () => {
  let sent = 0;
  const server = await startServer({
    createServer: () => {
      const mcp = new McpServer({ name: 'test', version: '1.0.0' });
      mcp.registerTool('chatty', {}, async ({ sendNotification }) => {
        for (; sent < COUNT; sent++) {
          const params = { progressToken: 'p', progress: sent + 1, message: TEXT };
          await sendNotification({ method: 'notifications/progress', params });
        }
        return { content: [] };
      });
      return mcp;
    },
  });
  const { headers } = await openSession(server, { webhook: false });
  const socket = post(server.url, headers, call(2, 'chatty', {}, { progressToken: 'p' }));
  let before = -1;
  const stands = (): boolean => sent > 0 && sent === before;
  await until(() => stands() || ((before = sent), false), { message: 'the tool to wait', intervalMs: 100 });
  expect(sent).toBeLessThan(COUNT / 2);
  let read = '';
  socket.on('data', (chunk: Buffer) => (read += chunk.toString('latin1')));
  socket.resume();
  await until(() => read.includes('"result"'), { message: 'the result' });
  expect(read.split('notifications/progress')).toHaveLength(COUNT + 1);
});

/** Posts a message over a socket that nobody reads from yet. */
function post(url: string, headers: Record<string, string>, message: object): Socket {
  const { port, pathname } = new URL(url);
  const body = JSON.stringify(message);
  const lines = Object.entries({
    host: '127.0.0.1',
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
    'content-length': String(body.length),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}`);
  const socket = connect(Number(port), '127.0.0.1');
  atTheEnd(async () => void socket.destroy());
  socket.pause();
  socket.write([`POST ${pathname} HTTP/1.1`, ...lines, '', body].join('\r\n'));
  return socket;
}
