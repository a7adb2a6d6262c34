/**
 * An SqsServer in a process of its own, to be killed. Arguments: JSON with endpoint, requestQueueUrl, and optionally
 * storeDirectory, deadLetterQueueUrl, visibilityTimeoutSeconds, hang (whether the tool `work` never ends).
 * Prints one JSON object a line: {"event":"ready"}, {"event":"run","marker":"…"}.
 */
import { FileSessionStore } from '@asyncmcp/testkit';
import { SQSClient } from '@aws-sdk/client-sqs';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { SqsServer } from '@asyncmcp/sqs';
import { z } from 'zod';

const { endpoint, storeDirectory, hang, ...options } = JSON.parse(process.argv[2]);
const tell = (event) => process.stdout.write(`${JSON.stringify({ ...event, pid: process.pid })}\n`);

function createServer({ resumed }) {
  const mcp = new McpServer({ name: 'server-process', version: '1.0.0' });
  mcp.registerTool('work', { inputSchema: { marker: z.string() } }, async ({ marker }) => {
    tell({ event: 'run', marker, resumed });
    if (hang) await new Promise(() => {});
    return { content: [{ type: 'text', text: `${marker} by ${process.pid}` }] };
  });
  mcp.registerTool('crash', {}, () => {
    tell({ event: 'run', marker: 'crash', resumed });
    // Nothing of the process gets a chance to clean up: neither handlers nor drains.
    process.kill(process.pid, 'SIGKILL');
    return new Promise(() => {});
  });
  mcp.registerTool('ask', {}, async (extra) => {
    tell({ event: 'run', marker: 'ask', resumed });
    const answer = await mcp.server.elicitInput(
      { message: `from ${process.pid}`, requestedSchema: { type: 'object', properties: { pid: { type: 'string' } } } },
      { relatedRequestId: extra.requestId },
    );
    return { content: [{ type: 'text', text: `${String(answer.content?.pid)} at ${process.pid}` }] };
  });
  return mcp;
}

const sqs = new SQSClient({
  endpoint,
  region: 'us-east-1',
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
});
const server = new SqsServer({
  sqs,
  createServer,
  ...options,
  ...(storeDirectory !== undefined && { store: new FileSessionStore(storeDirectory) }),
});
server.onerror = (error) => tell({ event: 'error', code: error.code, message: error.message });
await server.start();
tell({ event: 'ready' });
process.once('SIGTERM', () => {
  void server.close().then(() => {
    sqs.destroy();
    process.exit(0);
  });
});
