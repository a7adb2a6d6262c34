import { randomUUID } from 'node:crypto';
import { isResponse, parseMessage } from '@asyncmcp/core';
import { createSigner, generateSecret } from '@asyncmcp/webhook';
import { check } from './checks.js';
import type { WebhookArrival, WebhookEndpoint } from './webhook-endpoint.js';

export interface ForgedWebhook {
  /** What is wrong with it. */
  readonly how: string;
  /** What it was answered. */
  readonly status: number;
}

/** Headers of one connection or body; everything else can be captured and sent again. */
const OF_ITS_OWN = ['host', 'connection', 'keep-alive', 'content-length', 'transfer-encoding', 'expect'];

/**
 * Posts what somebody could who has seen all that travelled so far, and not the secret. Three of the webhooks answer the call whose
 * progress came last; the fourth is an old answer, as it was.
 */
export async function forgeWebhooks({ url, arrivals }: WebhookEndpoint): Promise<readonly ForgedWebhook[]> {
  const captured = arrivals.findLast((arrival) => arrival.status === 200 && isAnswer(arrival));
  check('the webhooks so far', captured !== undefined, 'none of them could be captured');
  const requestId: unknown = JSON.parse(String(arrivals.at(-1)?.headers['x-related-request-id']));
  const result = { content: [{ type: 'text', text: 'not by the server' }] };
  const answer = JSON.stringify({ jsonrpc: '2.0', id: requestId, result });
  const headers = capturedHeaders(captured);
  const unsigned = Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('webhook-')));
  const id = randomUUID();
  const own = { ...unsigned, 'x-message-id': id };
  const otherSecret = { ...own, ...createSigner(generateSecret()).sign(id, answer) };
  return [
    { how: 'unsigned', status: await post(url, own, answer) },
    { how: 'other secret', status: await post(url, otherSecret, answer) },
    { how: 'altered', status: await post(url, headers, answer) },
    { how: 'replayed', status: await post(url, headers, captured.body) },
  ];
}

function isAnswer({ body }: WebhookArrival): boolean {
  const parsed = parseMessage(body);
  return parsed.ok && isResponse(parsed.message);
}

function capturedHeaders({ headers }: WebhookArrival): Record<string, string> {
  const entries = Object.entries(headers).flatMap(([name, value]) =>
    OF_ITS_OWN.includes(name) ? [] : [[name, String(value)] as const],
  );
  return Object.fromEntries(entries);
}

async function post(url: string, headers: Record<string, string>, body: string): Promise<number> {
  const response = await fetch(url, { method: 'POST', headers, body });
  await response.arrayBuffer();
  return response.status;
}
