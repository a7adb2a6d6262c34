import { createServer } from 'node:http';
import { listenOnLoopback } from '@asyncmcp/testkit';
import type { Page } from '@asyncmcp/demo-client';

/** A web page of this process, for the demo server to get: the demo needs no internet. */
export interface PageServer extends Required<Page> {
  /** Who asked for it, by `user-agent`, in turn. */
  readonly askedBy: readonly string[];
  close(): Promise<void>;
}

const HTML = `<!doctype html>
<html lang="en">
  <head>
    <title>Queues, in brief</title>
  </head>
  <body>
    <h1>Queues, in brief</h1>
    <p>Who writes to a queue need not wait for who reads from it.</p>
    <h2>What they promise</h2>
    <p>A message stays until somebody says that it is done. See <a href="#limits">what they do not promise</a>.</p>
    <h2 id="limits">What they do not</h2>
    <p>Order, and that it comes once. <a href="https://example.com/">Elsewhere</a> there is more.</p>
  </body>
</html>
`;

/** What `analyze` must find in it. */
const FACTS = {
  title: 'Queues, in brief',
  words: 49,
  links: 2,
  headings: 3,
  bytes: Buffer.byteLength(HTML),
};

export async function startPageServer(): Promise<PageServer> {
  const askedBy: string[] = [];
  const server = createServer((request, response) => {
    askedBy.push(request.headers['user-agent'] ?? '');
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(HTML);
  });
  const origin = await listenOnLoopback(server);
  return {
    url: `${origin}/queues`,
    facts: FACTS,
    askedBy,
    async close() {
      const closed = new Promise((resolve) => {
        server.close(resolve);
      });
      server.closeAllConnections();
      await closed;
    },
  };
}
