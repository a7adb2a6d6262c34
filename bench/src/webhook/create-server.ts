import { WebhookServer } from '@asyncmcp/webhook';
import { createEchoServer } from '../echo-server.js';
import type { WebhookServerOptions } from '@asyncmcp/webhook';

/** A server as users have it, but for what it must allow to post to clients on this machine. */
export function createWebhookServer(options: Pick<WebhookServerOptions, 'maxSessions'> = {}): WebhookServer {
  const server = new WebhookServer({
    ...options,
    createServer: () => createEchoServer(),
    allowWebhookUrl: ({ hostname }) => hostname === '127.0.0.1',
  });
  server.onerror = (error) => console.error('asyncmcp server:', error);
  return server;
}
