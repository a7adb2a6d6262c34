/** The client side, by hand: posts requests, and a fastify takes in the replies. */
import { fastify } from 'fastify';
import { Pool } from 'undici';
import { answerParent } from '../answer-parent.js';
import { makeCalls } from '../make-calls.js';
import { CONNECTIONS, echoRequest, fail, post, requestHeaders } from './by-hand-messages.js';
import { countRequests } from './usage.js';
import type { ClientCommands } from '../contender.js';
import type { EchoReply } from './by-hand-messages.js';

/** Connected with the URL of the server. */
export type ByHandClientCommands = ClientCommands<string>;

const usage = countRequests();
const waiting = new Map<number, () => void>();
let server: Pool | undefined;
let nextId = 0;

async function listen(): Promise<string> {
  const app = fastify();
  app.post<{ Body: EchoReply }>('/reply', async ({ body: { id, result } }, reply) => {
    if (result.content.length !== 1) throw new Error('not the echo');
    waiting.get(id)?.();
    waiting.delete(id);
    return reply.send({ status: 'success' });
  });
  return app.listen({ host: '127.0.0.1', port: 0 });
}

async function call(): Promise<void> {
  if (server === undefined) throw new Error('not connected');
  const id = nextId++;
  const answered = new Promise<void>((resolve) => {
    waiting.set(id, resolve);
  });
  const request = echoRequest(id);
  post(server, '/request', request, requestHeaders(request)).catch(fail);
  await answered;
}

answerParent<ByHandClientCommands>({
  async connect(serverUrl) {
    server = new Pool(serverUrl, { connections: CONNECTIONS });
    await post(server, '/client', { url: await listen() });
  },
  call: (workload) => makeCalls(workload, call),
  usage,
});
