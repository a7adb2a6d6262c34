import { invalidOption } from '@asyncmcp/core';

/** What names of queues and topics end in when they are FIFO, and only then (CreateQueue, CreateTopic). */
const FIFO_SUFFIX = '.fifo';

/** What the name of a queue or topic may be. */
export interface ResourceNameRules {
  /** Longest name, with suffix: 80 for queues (CreateQueue), 256 for topics (CreateTopic). */
  readonly maxLength: number;
  /** Whether it names something FIFO: the suffix is then added where it is missing. */
  readonly fifo: boolean;
}

/**
 * Checks an option that holds the name of a queue or topic to be made. Returns the name in full.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION`
 */
export function resourceNameOption(option: string, value: unknown, { maxLength, fifo }: ResourceNameRules): string {
  const name = fifo && typeof value === 'string' ? withSuffix(value, '') : value;
  const pattern = fifo ? /^[A-Za-z0-9_-]+\.fifo$/ : /^[A-Za-z0-9_-]+$/;
  if (typeof name === 'string' && name.length <= maxLength && pattern.test(name)) return name;
  const suffix = fifo ? `, "${FIFO_SUFFIX}" included` : `; one that ends in "${FIFO_SUFFIX}" needs the option "fifo"`;
  throw invalidOption(option, value, `a name of 1 to ${maxLength} letters, digits, - and _${suffix}`);
}

/** `name` with `suffix` added, before the `.fifo` that it has or, as one of a FIFO resource, gets. */
export function withSuffix(name: string, suffix: string, fifo = true): string {
  const base = name.endsWith(FIFO_SUFFIX) ? name.slice(0, -FIFO_SUFFIX.length) : name;
  return `${base}${suffix}${fifo ? FIFO_SUFFIX : ''}`;
}
