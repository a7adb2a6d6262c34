import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { LoggingMessageNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { callTool, eventually } from './calls.js';
import { checkEqual, textOf } from './checks.js';
import type { DemoTransport, StepContext } from './steps.js';

const NEWS = 'Lunch is ready.';

/** Has the server say something to all clients, to this one and to another that connects for it: each must hear it once. */
export async function broadcast(context: StepContext, transport: DemoTransport): Promise<string> {
  const { client, timeoutMs, signal } = context;
  const other = new Client({ name: 'asyncmcp-demo-listener', version: '1.0.0' });
  if (client.onerror !== undefined) other.onerror = client.onerror;
  const stop = (): void => void other.close();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    await other.connect(transport, { timeout: timeoutMs });
    const heard = [listen(client), listen(other)];
    textOf('announce', await callTool(context, 'announce', { text: NEWS }));
    await eventually('both clients to hear it', () => heard.every((texts) => texts.length > 0));
    // What is asked after it is answered through the same queues: one that came a second time would be here by then.
    await Promise.all([client, other].map((each) => each.ping({ timeout: timeoutMs })));
    checkEqual('what the two clients heard', heard, [[NEWS], [NEWS]]);
    await transport.terminateSession();
  } finally {
    signal?.removeEventListener('abort', stop);
    await other.close();
  }
  return `announce "${NEWS}" → 2 clients, each once`;
}

function listen(client: Client): unknown[] {
  const heard: unknown[] = [];
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void heard.push(params.data));
  return heard;
}
