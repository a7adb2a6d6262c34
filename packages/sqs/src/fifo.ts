import { createHash } from 'node:crypto';

/** Whether a queue URL or topic ARN is that of a FIFO one: AWS requires the name of those, and of no others, to end like this. */
export function isFifo(address: string): boolean {
  return address.endsWith('.fifo');
}

/**
 * `id` as a message group or deduplication id. SQS takes up to 128 letters, digits and punctuation marks (SendMessage);
 * anything else is replaced by its hash, so that equal ids stay equal and different ones different.
 */
export function toFifoId(id: string): string {
  return /^[\u0021-\u007e]{1,128}$/.test(id) ? id : createHash('sha256').update(id).digest('hex');
}
