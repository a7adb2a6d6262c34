import { invalidOption } from '@asyncmcp/core';

/** The parts of a queue URL that a reply policy looks at. */
export interface QueueAddress {
  /** Scheme, host and port. */
  readonly origin: string;
  /** All of the path before the queue's name: the account, on AWS. */
  readonly account: string;
  /** The queue's name. */
  readonly name: string;
}

/** Queue names, by the SQS API reference (CreateQueue): up to 80 letters, digits, - and _; FIFO queues end in .fifo. */
const QUEUE_NAME = /^(?=.{1,80}$)[A-Za-z0-9_-]+(\.fifo)?$/;
const PATH_SEGMENT = /^[A-Za-z0-9_-]+$/;

/** The parts of a queue URL, or undefined for what is none: other schemes, credentials, queries, dots and escapes in the path. */
export function parseQueueUrl(text: string): QueueAddress | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const segments = url.pathname.split('/').slice(1);
  const name = segments.pop() ?? '';
  const plain = url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  if (!plain || (url.protocol !== 'https:' && url.protocol !== 'http:')) return undefined;
  if (!QUEUE_NAME.test(name) || segments.length === 0 || !segments.every((segment) => PATH_SEGMENT.test(segment))) {
    return undefined;
  }
  // What the parser had to mend (case, escapes, `..`) is not the address it claims to be.
  return url.href === text ? { origin: url.origin, account: segments.join('/'), name } : undefined;
}

/**
 * Checks an option that holds a queue URL.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION`
 */
export function queueUrlOption(name: string, value: unknown): string {
  if (typeof value === 'string' && parseQueueUrl(value) !== undefined) return value;
  throw invalidOption(name, value, 'a queue URL, e.g. https://sqs.eu-west-1.amazonaws.com/123456789012/requests');
}

/**
 * Checks an option that holds the URL of a queue other than another option's, so that no message is sent back to where it
 * was taken from; undefined is left as it is.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION`
 */
export function otherQueueUrlOption(name: string, value: unknown, other: string): string | undefined {
  if (value === undefined) return undefined;
  if (value === other) throw invalidOption(name, value, 'another queue than requestQueueUrl');
  return queueUrlOption(name, value);
}

/**
 * The default policy for reply addresses: queues on the host and in the account of our own queues, these excepted. A sender
 * could otherwise point this process, with its credentials, at somebody else's queue.
 *
 * @param ownQueueUrls - the request queue first
 */
export function sameAccountAs(ownQueueUrls: readonly string[]): (address: string) => boolean {
  const own = parseQueueUrl(ownQueueUrls[0] ?? '');
  return (address) => {
    const other = parseQueueUrl(address);
    if (own === undefined || other === undefined || ownQueueUrls.includes(address)) return false;
    return other.origin === own.origin && other.account === own.account;
  };
}
