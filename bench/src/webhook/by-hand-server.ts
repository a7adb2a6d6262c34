/** The server side, by hand: a fastify that says yes to a request and posts the echo to the client's fastify. */
import { randomUUID } from 'node:crypto';
import { fastify } from 'fastify';
import { Pool } from 'undici';
import { answerParent } from '../answer-parent.js';
import { CONNECTIONS, echoOf, fail, post, replyHeaders } from './by-hand-messages.js';
import { countRequests } from './usage.js';
import type { ServerCommands } from '../contender.js';
import type { EchoRequest } from './by-hand-messages.js';

const usage = countRequests();

const serverId = randomUUID();

/** Answers with its URL. */
export type ByHandServerCommands = ServerCommands<undefined, string>;

answerParent<ByHandServerCommands>({
  start() {
    const app = fastify();
    let client: Pool | undefined;
    app.post<{ Body: { url: string } }>('/client', async ({ body }, reply) => {
      client = new Pool(body.url, { connections: CONNECTIONS });
      return reply.code(204).send();
    });
    app.post<{ Body: EchoRequest }>('/request', async ({ body }, reply) => {
      if (client === undefined) throw new Error('no client has said where it listens');
      post(client, '/reply', echoOf(body), replyHeaders()).catch(fail);
      return reply.code(202).send({ status: 'received', server: serverId, attempt: 1 });
    });
    return app.listen({ host: '127.0.0.1', port: 0 });
  },
  usage,
});
