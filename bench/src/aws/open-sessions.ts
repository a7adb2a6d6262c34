import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { createEnvelope, encodeEnvelope } from '@asyncmcp/core';
import { INITIALIZED, initializeRequest } from '../handshake.js';
import { deleteBatch, receive, sendBatch } from './by-hand-calls.js';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { Envelope } from '@asyncmcp/core';
import type { AwsClients } from './aws-clients.js';
import type { Asker, OutgoingMessage } from './by-hand-messages.js';
import type { Channels } from './channels.js';

/** Opens sessions over the wire, ten at a time: as many clients as sessions, that share one queue for replies. */
export async function openSessions(clients: AwsClients, channels: Channels, count: number): Promise<Asker[]> {
  const askers: Asker[] = [];
  for (let opened = 0; opened < count; opened += 10) {
    askers.push(...(await openTen(clients, channels, Math.min(10, count - opened))));
  }
  await drained(clients.sqs, channels.requests.queueUrl);
  return askers;
}

async function openTen(clients: AwsClients, { requests, responses }: Channels, count: number): Promise<Asker[]> {
  const replyTo = responses.address;
  const { params, ...request } = initializeRequest(0);
  const _meta = replyTo.startsWith('arn:') ? { clientTopicArn: replyTo } : { responseQueueUrl: replyTo };
  const message = { ...request, params: { ...params, _meta } };
  const openings = Array.from({ length: count }, () => createEnvelope(message, { clientId: randomUUID(), replyTo }));
  await sendBatch(clients, requests.address, openings.map(toMessage));
  const askers: Asker[] = [];
  while (askers.length < count) {
    const answers = await receive(clients.sqs, responses.queueUrl);
    if (answers.length === 0) continue;
    const opened = answers.map(({ MessageAttributes = {} }): Asker => {
      const { SessionId: session, ClientId: client } = MessageAttributes;
      return { sessionId: session?.StringValue ?? '', clientId: client?.StringValue ?? '', replyTo };
    });
    askers.push(...opened);
    const confirmations = opened.map(({ sessionId, clientId }) => createEnvelope(INITIALIZED, { sessionId, clientId }));
    await sendBatch(clients, requests.address, confirmations.map(toMessage));
    deleteBatch(clients.sqs, responses.queueUrl, answers);
  }
  return askers;
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
