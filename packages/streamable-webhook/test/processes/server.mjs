/**
 * A StreamableWebhookServer in a process of its own, to be killed. Arguments: JSON with storeDirectory (optional), hang (whether the tools
 * `work` never end), and options of the server. Each tool is there twice, by webhook as `…_by_webhook`. Prints one JSON object a line:
 * {"event":"ready","url":"…"}, {"event":"run","marker":"…"}.
 */
import { FileSessionStore } from '@asyncmcp/testkit';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { z } from 'zod';
import { StreamableWebhookServer, webhookTool } from '../../dist/index.js';

const { storeDirectory, hang, ...options } = JSON.parse(process.argv[2]);
const tell = (event) => process.stdout.write(`${JSON.stringify({ ...event, pid: process.pid })}\n`);

function createServer({ resumed }) {
  const mcp = new McpServer({ name: 'server-process', version: '1.0.0' });
  const work = async ({ marker }) => {
    tell({ event: 'run', marker, resumed });
    if (hang) await new Promise(() => {});
    return { content: [{ type: 'text', text: `${String(marker)} by ${process.pid}` }] };
  };
  const crash = () => {
    tell({ event: 'run', marker: 'crash', resumed });
    // Nothing of the process gets a chance to clean up: neither handlers nor drains.
    process.kill(process.pid, 'SIGKILL');
    return new Promise(() => {});
  };
  const inputSchema = { marker: z.string() };
  mcp.registerTool('work', { inputSchema }, work);
  mcp.registerTool('crash', {}, crash);
  webhookTool(mcp.registerTool('work_by_webhook', { inputSchema }, work));
  webhookTool(mcp.registerTool('crash_by_webhook', {}, crash));
  return mcp;
}

const server = new StreamableWebhookServer({
  createServer,
  allowWebhookUrl: ({ hostname }) => hostname === '127.0.0.1',
  ...options,
  ...(storeDirectory !== undefined && { store: new FileSessionStore(storeDirectory) }),
});
server.onerror = (error) => tell({ event: 'error', code: error.code, message: error.message });
const { url } = await server.listen({ port: 0 });
tell({ event: 'ready', url });
process.once('SIGTERM', () => void server.close().then(() => process.exit(0)));
