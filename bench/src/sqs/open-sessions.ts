import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { createEnvelope, encodeEnvelope } from '@asyncmcp/core';
import { deleteBatch, receive, sendBatch } from '../aws/by-hand-calls.js';
import { INITIALIZED, initializeRequest } from '../handshake.js';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { Envelope } from '@asyncmcp/core';
import type { AwsClients } from '../aws/aws-clients.js';
import type { OutgoingMessage } from '../aws/by-hand-messages.js';
import type { Channels } from '../aws/channels.js';

/** Opens sessions over the wire, ten at a time: as many clients as sessions, that share one response queue. */
export async function openSessions(clients: AwsClients, channels: Channels, count: number): Promise<void> {
  for (let opened = 0; opened < count; opened += 10) await openTen(clients, channels, Math.min(10, count - opened));
  await drained(clients.sqs, channels.requests.queueUrl);
}

async function openTen(clients: AwsClients, { requests, responses }: Channels, count: number): Promise<void> {
  const { params, ...request } = initializeRequest(0);
  const message = { ...request, params: { ...params, _meta: { responseQueueUrl: responses.address } } };
  const openings = Array.from({ length: count }, () =>
    createEnvelope(message, { clientId: randomUUID(), replyTo: responses.address }),
  );
  await sendBatch(clients, requests.address, openings.map(toMessage));
  for (let answered = 0; answered < count;) {
    const answers = await receive(clients.sqs, responses.queueUrl);
    if (answers.length === 0) continue;
    answered += answers.length;
    const confirmations = answers.map(({ MessageAttributes = {} }) =>
      createEnvelope(INITIALIZED, {
        sessionId: MessageAttributes['SessionId']?.StringValue,
        clientId: MessageAttributes['ClientId']?.StringValue,
      }),
    );
    await sendBatch(clients, requests.address, confirmations.map(toMessage));
    deleteBatch(clients.sqs, responses.queueUrl, answers);
  }
}

function toMessage(envelope: Envelope): OutgoingMessage {
  return { body: JSON.stringify(envelope.message), attributes: encodeEnvelope(envelope) };
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
