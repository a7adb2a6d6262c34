import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Trace } from '../src/trace.js';
import { startWebhookEndpoint } from '../src/webhook-endpoint.js';
import type { FastifyPluginAsync } from 'fastify';
import type { WebhookEndpoint } from '../src/webhook-endpoint.js';

const result = JSON.stringify({ jsonrpc: '2.0', id: 1, result: {} });
const SIGNED = { 'webhook-id': '0b1c5dd2-7a', 'webhook-timestamp': '1', 'webhook-signature': 'v1,abc' };

/** Takes what has a signature, whatever that is. */
const plugin: FastifyPluginAsync = async (app) => {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.post('/hook', async ({ headers }, reply) => reply.code('webhook-signature' in headers ? 200 : 401).send());
};

describe('webhook endpoint', () => {
  let endpoint: WebhookEndpoint;
  let trace: Trace;

  beforeEach(async () => {
    trace = new Trace();
    endpoint = await startWebhookEndpoint({ plugin, path: '/hook', host: '127.0.0.1', port: 0, trace });
  });

  afterEach(() => endpoint.close());

  async function post(headers: Record<string, string>): Promise<number> {
    const init = { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: result };
    const { status } = await fetch(endpoint.url, init);
    await trace.answered();
    return status;
  }

  async function seen(): Promise<unknown[]> {
    await trace.answered();
    return trace.take().map(({ channel, what, answer, refused }) => {
      const status = typeof answer === 'object' ? answer.status : answer;
      return [channel, what, status, refused];
    });
  }

  it('records what comes, signed or not, and what it is answered', async () => {
    await post(SIGNED);
    await post({});
    expect(await seen()).toEqual([
      ['signed webhook', 'result #1', 200, false],
      ['unsigned webhook', 'result #1', 401, true],
    ]);
    expect(endpoint.arrivals).toMatchObject([
      { body: result, status: 200, headers: { 'webhook-id': SIGNED['webhook-id'] } },
      { body: result, status: 401 },
    ]);
  });

  it('is away for as many webhooks as it is told to, and says which of them are the same', async () => {
    endpoint.beAway(2);
    expect([await post(SIGNED), await post(SIGNED), await post(SIGNED)]).toEqual([503, 503, 200]);
    expect(await seen()).toEqual([
      ['signed webhook', 'result #1, id 0b1c5dd2', 503, true],
      ['signed webhook again', 'result #1, id 0b1c5dd2', 503, true],
      ['signed webhook again', 'result #1, id 0b1c5dd2', 200, false],
    ]);
  });

  it('says so when it cannot listen', async () => {
    const port = Number(new URL(endpoint.url).port);
    const another = startWebhookEndpoint({ plugin, path: '/hook', host: '127.0.0.1', port, trace });
    await expect(another).rejects.toMatchObject({ code: 'ERR_UNAVAILABLE' });
  });
});
