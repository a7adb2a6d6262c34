import { StreamableWebhookServer } from '@asyncmcp/streamable-webhook';
import type { StreamableWebhookServerOptions } from '@asyncmcp/streamable-webhook';

/** A server as users have it, but for what it must allow to post to clients on this machine. */
export function createStreamableServer(options: StreamableWebhookServerOptions): StreamableWebhookServer {
  const server = new StreamableWebhookServer({
    ...options,
    allowWebhookUrl: ({ hostname }) => hostname === '127.0.0.1',
  });
  server.onerror = (error) => console.error('asyncmcp server:', error);
  return server;
}
