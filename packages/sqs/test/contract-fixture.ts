import { randomUUID } from 'node:crypto';
import { silentLogger } from '@asyncmcp/core';
import { injectSqsFaults, rawAttributes, rawFifoIds, startAwsEmulator } from '@asyncmcp/testkit';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { SqsClientTransport, SqsServer, createSqsConsumer } from '../src/index.js';
import { deleteTemporaryQueue } from '../src/temporary-queue.js';
import type { InboundEnvelope } from '@asyncmcp/core';
import type { AwsEmulator, ContractDeadLetter, ContractFixture, PeerWire, RawMessage } from '@asyncmcp/testkit';
import type { SQSClient } from '@aws-sdk/client-sqs';

const MAX_MESSAGE_BYTES = 262_144;
/** More transports than any case makes: their queues are made beforehand, because making a transport does not wait. */
const TRANSPORTS = 6;

export interface SqsFixtureOptions {
  /** Whether all queues are FIFO queues. */
  readonly fifo: boolean;
}

/** A wire of its own on an emulator of its own. */
export async function createSqsFixture({ fifo }: SqsFixtureOptions): Promise<ContractFixture> {
  const aws = await startAwsEmulator();
  const suffix = fifo ? '.fifo' : '';
  const makeQueue = async (
    name: string,
    attributes: Record<string, string> = {},
  ): Promise<{ queueUrl: string; queueArn: string }> =>
    aws.createQueue(`${name}${suffix}`, { MaximumMessageSize: String(MAX_MESSAGE_BYTES), ...attributes });
  const dead = await makeQueue('dead-letters');
  const redrive = JSON.stringify({ deadLetterTargetArn: dead.queueArn, maxReceiveCount: 1000 });
  const { queueUrl: requestQueueUrl } = await makeQueue('requests', { RedrivePolicy: redrive });
  const responseQueues = await Promise.all(Array.from({ length: TRANSPORTS }, (_, n) => makeQueue(`responses-${n}`)));
  const queueOf = new Map<unknown, string>();
  // Faults of a direction are those of the client that sends in it.
  const [serverSqs, clientSqs] = [aws.sqsClient(), aws.sqsClient()];
  const [serverFaults, clientFaults] = [injectSqsFaults(serverSqs), injectSqsFaults(clientSqs)];
  const deadLetters: ContractDeadLetter[] = [];

  return {
    maxMessageBytes: MAX_MESSAGE_BYTES,
    refusedAddress: 'https://sqs.us-east-1.amazonaws.com/999999999999/not-ours',
    duplicateRequests: (count) => clientFaults.duplicateSends(count),
    duplicateReplies: (count) => serverFaults.duplicateSends(count),
    failReplies: (count) => serverFaults.failSends(count),
    async startServer(options) {
      const server = new SqsServer({ sqs: serverSqs, requestQueueUrl, visibilityTimeoutSeconds: 3, ...options });
      await server.start();
      return server;
    },
    createClientTransport(options = {}) {
      const responseQueueUrl = responseQueues[queueOf.size]?.queueUrl;
      if (responseQueueUrl === undefined) throw new Error(`Make more than ${TRANSPORTS} response queues.`);
      const transport = new SqsClientTransport({ sqs: clientSqs, requestQueueUrl, responseQueueUrl, ...options });
      queueOf.set(transport, responseQueueUrl);
      return transport;
    },
    async createPeer(onMessage) {
      const { queueUrl } = await makeQueue(`peer-${randomUUID()}`);
      return createPeer(clientSqs, { requestQueueUrl, queueUrl, onMessage });
    },
    async sendToClient(transport, message) {
      const queueUrl = queueOf.get(transport);
      if (queueUrl === undefined) throw new Error('not a transport of this fixture');
      await sendRaw(clientSqs, queueUrl, message);
    },
    async deadLetters() {
      deadLetters.push(...(await takeDeadLetters(aws, dead.queueUrl)));
      return deadLetters;
    },
    close: () => aws.stop(),
  };
}

async function takeDeadLetters(aws: AwsEmulator, queueUrl: string): Promise<ContractDeadLetter[]> {
  const messages = await aws.receiveAll(queueUrl);
  return messages.map(({ Body: body = '', MessageAttributes }) => ({
    body,
    reason: MessageAttributes?.['DeadLetterReason']?.StringValue,
  }));
}

interface PeerOptions {
  readonly requestQueueUrl: string;
  readonly queueUrl: string;
  readonly onMessage: (envelope: InboundEnvelope) => void;
}

function createPeer(sqs: SQSClient, { requestQueueUrl, queueUrl, onMessage }: PeerOptions): PeerWire {
  const consumer = createSqsConsumer({
    sqs,
    queueUrl,
    limit: 100,
    waitTimeSeconds: 20,
    visibilityTimeoutSeconds: 30,
    logger: silentLogger,
    onerror: () => {}, // Its queue may be gone: that is what some cases are about.
    deadLetter: { send: async () => false },
    handle: async (delivery) => {
      onMessage(delivery.envelope);
      await delivery.ack();
    },
  });
  consumer.start();
  return {
    clientId: `peer-${randomUUID()}`,
    address: queueUrl,
    initializeMeta: (responseQueueUrl) => ({ responseQueueUrl }),
    send: (message) => sendRaw(sqs, requestQueueUrl, message),
    async close() {
      await consumer.close();
      await deleteTemporaryQueue(sqs, queueUrl);
    },
  };
}

/** Puts a message into a queue as a program without this package would, by the wire format alone. */
async function sendRaw(sqs: SQSClient, queueUrl: string, message: RawMessage): Promise<void> {
  await sqs.send(
    new SendMessageCommand({
      QueueUrl: queueUrl,
      MessageBody: message.body,
      MessageAttributes: rawAttributes(message),
      ...rawFifoIds(queueUrl, message),
    }),
  );
}
