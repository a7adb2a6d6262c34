import { SLOW_TOOLS } from './tools/catalogue.js';

export const TRANSPORTS = ['sqs', 'sns-sqs', 'webhook', 'streamable-webhook'] as const;

export type Transport = (typeof TRANSPORTS)[number];

/**
 * How replies travel to `replyTo`, after "replies go": to the queue, by webhook, … For whoever owns the session, and for logs:
 * of a webhook's URL it has neither credentials nor query, where secrets are kept. Queues and topics are named without what they
 * have in common with those of the requests, which would not fit into a line.
 */
export function describeReplies(transport: Transport, replyTo: string): string {
  switch (transport) {
    case 'sqs':
      return `to the queue ${nameOf(replyTo)}`;
    case 'sns-sqs':
      return `to the topic ${nameOf(replyTo)}`;
    case 'webhook':
      return `by webhook to ${withoutSecrets(replyTo)}`;
    case 'streamable-webhook': {
      // The session of a client that has given no webhook has no address.
      if (!URL.canParse(replyTo)) return 'over the connection';
      const slow = new Intl.ListFormat('en-GB').format(SLOW_TOOLS);
      return `over the connection; results of ${slow} by webhook to ${withoutSecrets(replyTo)}`;
    }
  }
}

/** The name at the end of a queue's URL or a topic's ARN. */
export function nameOf(address: string): string {
  return /[^/:]*$/.exec(address)?.[0] ?? address;
}

/** Where a URL leads, without what it brings along. */
export function withoutSecrets(replyTo: string): string {
  if (!URL.canParse(replyTo)) return 'an address of its own';
  const { origin, pathname } = new URL(replyTo);
  return `${origin}${pathname}`;
}
