import { isResponse } from '@asyncmcp/core';
import { callTool, eventually } from './calls.js';
import { check, checkEqual, textOf } from './checks.js';
import { forgeWebhooks } from './forged-webhooks.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { DemoTransport, StepContext } from './steps.js';
import type { WebhookArrival, WebhookEndpoint } from './webhook-endpoint.js';

/** Has the client's endpoint be away when an answer comes: the server must try again, and the client hear it once. */
export async function retriedWebhook(context: StepContext, endpoint: WebhookEndpoint): Promise<string> {
  const { client, transport, timeoutMs } = context;
  const before = endpoint.arrivals.length;
  const hearing = hear(transport);
  endpoint.beAway(2);
  const text = textOf('count_words', await callTool(context, 'count_words', { text: 'Once more, please.' }));
  checkEqual('the answer of count_words', text, '3 words in 1 sentences');
  // What is asked after it is answered after it: one more try would be here by then.
  await client.ping({ timeout: timeoutMs });
  const heard = hearing.stop().filter(isResponse).length;
  checkEqual('how many answers the client heard to two requests', heard, 2);
  const tries = triesOf(endpoint.arrivals.slice(before));
  await eventually('its webhooks to be answered', () => tries.every(({ status }) => status !== undefined));
  const statuses = tries.map(({ status }) => status);
  checkEqual('what the tries under one webhook-id were answered', statuses, [503, 503, 200]);
  const times = tries.map(({ headers }) => Number(headers['webhook-timestamp']));
  const rises = times.every((time, index) => index === 0 || time > (times[index - 1] ?? NaN));
  check('the tries', rises, `were not signed anew: their timestamps are ${times.join(', ')}`);
  return `${statuses.join(', ')} under one webhook-id; heard once`;
}

/** All webhooks with the id of the first. */
function triesOf(arrivals: readonly WebhookArrival[]): readonly WebhookArrival[] {
  const id = arrivals[0]?.headers['webhook-id'];
  check('the webhook that was refused', id !== undefined, 'has no webhook-id');
  return arrivals.filter(({ headers }) => headers['webhook-id'] === id);
}

/** Has a running call answered by somebody who knows everything but the secret: all of that must be refused. */
export async function forgedWebhooks(context: StepContext, endpoint: WebhookEndpoint): Promise<string> {
  const hearing = hear(context.transport);
  let onprogress = (): void => {};
  const running = new Promise<void>((resolve) => {
    onprogress = resolve;
  });
  const call = callTool(context, 'count_words', { text: 'Who goes there? A friend.' }, { onprogress });
  const forging = running.then(() => forgeWebhooks(endpoint));
  const [result, forged] = await Promise.all([call, forging]);
  checkEqual('the answer of count_words', textOf('count_words', result), '5 words in 2 sentences');
  checkEqual('how many answers the client heard', hearing.stop().filter(isResponse).length, 1);
  for (const { how, status } of forged) checkEqual(`what a webhook that is ${how} is answered`, status, 401);
  return `${forged.map(({ how }) => how).join(', ')} → 401`;
}

/** What reaches the client from now on, until it is stopped. */
function hear(transport: DemoTransport): { stop(): readonly JSONRPCMessage[] } {
  const heard: JSONRPCMessage[] = [];
  const { onmessage } = transport;
  transport.onmessage = (message, extra) => {
    heard.push(message);
    onmessage?.(message, extra);
  };
  return {
    stop() {
      if (onmessage !== undefined) transport.onmessage = onmessage;
      return heard;
    },
  };
}
