import { deleteBatch, fail, receive, sendBatch } from './by-hand-calls.js';
import { answeredId } from './by-hand-messages.js';
import type { CallTimes, Workload } from '../contender.js';
import type { AwsClients } from './aws-clients.js';
import type { OutgoingRequest } from './by-hand-messages.js';
import type { Channels } from './channels.js';

/** Most messages of a batch (SQS and SNS quota). */
const BATCH = 10;

/**
 * Makes calls, many at a time: as many as answers came are sent, in one batch.
 *
 * @param next - makes the next request
 */
export async function callInBatches(
  clients: AwsClients,
  { requests, responses }: Channels,
  { calls, inFlight }: Workload,
  next: () => OutgoingRequest,
): Promise<CallTimes> {
  const sentAt = new Map<number, number>();
  const latenciesMs: number[] = [];
  let left = calls;

  function send(upTo: number): void {
    const batch = Array.from({ length: Math.min(upTo, left) }, next);
    if (batch.length === 0) return;
    left -= batch.length;
    const now = performance.now();
    for (const { id } of batch) sentAt.set(id, now);
    sendBatch(clients, requests.address, batch).catch(fail);
  }

  const startedAt = performance.now();
  for (let sent = 0; sent < inFlight; sent += BATCH) send(Math.min(BATCH, inFlight - sent));
  while (left > 0 || sentAt.size > 0) {
    const received = await receive(clients.sqs, responses.queueUrl);
    if (received.length === 0) continue;
    const now = performance.now();
    for (const response of received) {
      const id = answeredId(response);
      latenciesMs.push(now - (sentAt.get(id) ?? Number.NaN));
      sentAt.delete(id);
    }
    send(received.length);
    deleteBatch(clients.sqs, responses.queueUrl, received);
  }
  return { elapsedMs: performance.now() - startedAt, latenciesMs };
}
