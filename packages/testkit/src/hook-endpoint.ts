import { createServer } from 'node:http';
import { listenOnLoopback } from './listen-on-loopback.js';
import { until } from './until.js';
import type { IncomingHttpHeaders } from 'node:http';

/** A webhook that came in. */
export interface ReceivedHook {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** An endpoint for webhooks without any of our code. */
export interface HookEndpoint {
  /** With a path, which tells several clients apart. */
  readonly url: string;
  readonly hooks: readonly ReceivedHook[];
  /** What it answers. Default 200. */
  status: number;
  /** Answers 302 to there instead. */
  redirectTo: string | undefined;
  /** Waits for a webhook whose JSON-RPC message has this id. */
  reply(id: string | number): Promise<ReceivedHook>;
  close(): Promise<void>;
}

export async function startHookEndpoint(): Promise<HookEndpoint> {
  const hooks: ReceivedHook[] = [];
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => void chunks.push(chunk));
    incoming.on('end', () => {
      if (endpoint.redirectTo !== undefined) return response.writeHead(302, { location: endpoint.redirectTo }).end();
      if (endpoint.status === 200) {
        hooks.push({
          path: incoming.url ?? '',
          headers: incoming.headers,
          body: Buffer.concat(chunks).toString('utf8'),
        });
      }
      return response.writeHead(endpoint.status).end();
    });
  });
  const origin = await listenOnLoopback(server);
  const endpoint: HookEndpoint = {
    url: `${origin}/hook`,
    hooks,
    status: 200,
    redirectTo: undefined,
    reply: (id) =>
      until(() => hooks.find(({ body }) => (JSON.parse(body) as { id?: unknown }).id === id), {
        message: `the webhook that answers ${id}`,
      }),
    async close() {
      server.closeAllConnections();
      server.close();
    },
  };
  return endpoint;
}
