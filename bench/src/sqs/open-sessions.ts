import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { createEnvelope, encodeEnvelope } from '@asyncmcp/core';
import { INITIALIZED, initializeRequest } from '../handshake.js';
import { deleteBatch, receive, sendBatch } from './by-hand-calls.js';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { Envelope } from '@asyncmcp/core';
import type { OutgoingMessage } from './by-hand-messages.js';
import type { Queues } from './queues.js';

/** Opens sessions over the wire, ten at a time: as many clients as sessions, that share one response queue. */
export async function openSessions(sqs: SQSClient, queues: Queues, count: number): Promise<void> {
  for (let opened = 0; opened < count; opened += 10) await openTen(sqs, queues, Math.min(10, count - opened));
  await drained(sqs, queues.requestQueueUrl);
}

async function openTen(sqs: SQSClient, { requestQueueUrl, responseQueueUrl }: Queues, count: number): Promise<void> {
  const { params, ...request } = initializeRequest(0);
  const message = { ...request, params: { ...params, _meta: { responseQueueUrl } } };
  const openings = Array.from({ length: count }, () =>
    createEnvelope(message, { clientId: randomUUID(), replyTo: responseQueueUrl }),
  );
  await sendBatch(sqs, requestQueueUrl, openings.map(toMessage));
  for (let answered = 0; answered < count;) {
    const answers = await receive(sqs, responseQueueUrl);
    if (answers.length === 0) continue;
    answered += answers.length;
    const confirmations = answers.map(({ MessageAttributes = {} }) =>
      createEnvelope(INITIALIZED, {
        sessionId: MessageAttributes['SessionId']?.StringValue,
        clientId: MessageAttributes['ClientId']?.StringValue,
      }),
    );
    await sendBatch(sqs, requestQueueUrl, confirmations.map(toMessage));
    deleteBatch(sqs, responseQueueUrl, answers);
  }
}

function toMessage(envelope: Envelope): OutgoingMessage {
  return { MessageBody: JSON.stringify(envelope.message), MessageAttributes: encodeEnvelope(envelope) };
}

/** Resolves when nothing is in the queue and nothing in flight. */
async function drained(sqs: SQSClient, queueUrl: string): Promise<void> {
  for (;;) {
    const { Attributes = {} } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['All'] }),
    );
    const { ApproximateNumberOfMessages: visible, ApproximateNumberOfMessagesNotVisible: inFlight } = Attributes;
    if (visible === '0' && inFlight === '0') return;
    await sleep(20);
  }
}
