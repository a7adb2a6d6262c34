import { randomUUID } from 'node:crypto';
import { silentLogger } from '@asyncmcp/core';
import { createSqsConsumer } from '@asyncmcp/sqs';
import { injectSnsFaults, rawAttributes, rawFifoIds, startAwsEmulator } from '@asyncmcp/testkit';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { CreateQueueCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { SnsSqsClientTransport, SnsSqsServer, provisionSnsSqs } from '../src/index.js';
import { subscribeQueue } from '../src/subscribe-queue.js';
import { wrapped } from './wrapped.js';
import type { InboundEnvelope } from '@asyncmcp/core';
import type { AwsEmulator, ContractDeadLetter, ContractFixture, PeerWire, RawMessage } from '@asyncmcp/testkit';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { SnsSqsTopology } from '../src/index.js';

/** The default of a topic (MaximumMessageSize). */
const MAX_MESSAGE_BYTES = 262_144;
/** As many transports as any case makes: their queues are made beforehand, because making a transport does not wait. */
const TRANSPORTS = 3;

export interface SnsSqsFixtureOptions {
  /** Whether messages arrive as they were published, or wrapped in a notification. */
  readonly rawMessageDelivery: boolean;
  /** Whether all topics and queues are FIFO. */
  readonly fifo: boolean;
}

interface Wire extends SnsSqsFixtureOptions {
  readonly aws: AwsEmulator;
  /** Of the clients and peers. */
  readonly sns: SNSClient;
  readonly sqs: SQSClient;
  /** Provisions one more queue on a response topic. */
  readonly provision: (name: string, options?: { clientId?: string; topic?: string }) => Promise<SnsSqsTopology>;
}

/** A request topic, and a response topic that all clients share, on an emulator of its own. */
export async function createSnsSqsFixture(options: SnsSqsFixtureOptions): Promise<ContractFixture> {
  const aws = await startAwsEmulator();
  const [serverSns, sns] = [new SNSClient(aws.clientConfig), new SNSClient(aws.clientConfig)];
  const sqs = aws.sqsClient();
  const suffix = options.fifo ? '.fifo' : '';
  const names = { requestTopicName: `requests${suffix}`, requestQueueName: `requests${suffix}` };
  const wire: Wire = {
    ...options,
    aws,
    sns,
    sqs,
    provision: (name, { clientId, topic = 'responses' } = {}) =>
      provisionSnsSqs({
        sns,
        sqs,
        ...options,
        ...names,
        maxReceiveCount: 1000,
        responseTopicName: `${topic}${suffix}`,
        responseQueueName: `${name}${suffix}`,
        clientId,
      }),
  };
  const { requestQueueUrl, requestTopicArn, deadLetterQueueUrl, responseTopicArn } = await wire.provision('unused');
  const [filtered, unfiltered] = await Promise.all([
    makeResponseQueues(wire, responseTopicArn, 'responses', (n) => ({ clientId: `client-${n}` })),
    makeResponseQueues(wire, responseTopicArn, 'everything', () => ({})),
  ]);
  const queueOf = new Map<unknown, string>();
  const [serverFaults, clientFaults] = [injectSnsFaults(serverSns), injectSnsFaults(sns)];
  const deadLetters: ContractDeadLetter[] = [];

  return {
    maxMessageBytes: MAX_MESSAGE_BYTES,
    refusedAddress: 'arn:aws:sns:us-east-1:999999999999:not-ours',
    duplicateRequests: (count) => clientFaults.duplicatePublishes(count),
    duplicateReplies: (count) => serverFaults.duplicatePublishes(count),
    failReplies: (count) => serverFaults.failPublishes(count),
    async startServer(serverOptions) {
      const common = { sns: serverSns, sqs: aws.sqsClient(), requestQueueUrl, visibilityTimeoutSeconds: 3 };
      const server = new SnsSqsServer({ ...common, ...serverOptions });
      await server.start();
      return server;
    },
    createClientTransport({ clientId } = {}) {
      const n = queueOf.size;
      // A client with a name of its own gets everything on the topic, and has to tell for itself what is not its own.
      const responseQueueUrl = (clientId === undefined ? filtered : unfiltered)[n];
      if (responseQueueUrl === undefined) throw new Error(`Make more than ${TRANSPORTS} response queues.`);
      const transport = new SnsSqsClientTransport({
        sns,
        sqs: aws.sqsClient(),
        requestTopicArn,
        responseTopicArn,
        responseQueueUrl,
        clientId: clientId ?? `client-${n}`,
      });
      queueOf.set(transport, responseQueueUrl);
      return transport;
    },
    createPeer: (onMessage) => createPeer(wire, requestTopicArn, onMessage),
    async sendToClient(transport, message) {
      const queueUrl = queueOf.get(transport);
      if (queueUrl === undefined) throw new Error('not a transport of this fixture');
      await putInto(wire, queueUrl, message);
    },
    async deadLetters() {
      const messages = await aws.receiveAll(deadLetterQueueUrl ?? '');
      const found = messages.map(({ Body: body = '', MessageAttributes }) => ({
        body: options.rawMessageDelivery ? body : unwrap(body),
        reason: MessageAttributes?.['DeadLetterReason']?.StringValue,
      }));
      deadLetters.push(...found);
      return deadLetters;
    },
    async close() {
      serverSns.destroy();
      sns.destroy();
      await aws.stop();
    },
  };
}

/** By themselves, and all at once: to provision the whole topology with each would take most of the time of most cases. */
function makeResponseQueues(
  { sns, sqs, fifo, rawMessageDelivery }: Wire,
  topicArn: string,
  name: string,
  optionsOf: (n: number) => { clientId?: string },
): Promise<string[]> {
  const makeQueue = async (n: number): Promise<string> => {
    const queue = fifo
      ? { QueueName: `${name}-${n}.fifo`, Attributes: { FifoQueue: 'true' } }
      : { QueueName: `${name}-${n}` };
    const { QueueUrl: queueUrl = '' } = await sqs.send(new CreateQueueCommand(queue));
    await subscribeQueue({ sns, sqs, topicArn, queueUrl, rawMessageDelivery, fresh: true, ...optionsOf(n) });
    return queueUrl;
  };
  return Promise.all(Array.from({ length: TRANSPORTS }, (_, n) => makeQueue(n)));
}

async function createPeer(
  wire: Wire,
  requestTopicArn: string,
  onMessage: (envelope: InboundEnvelope) => void,
): Promise<PeerWire> {
  const name = `peer-${randomUUID()}`;
  const topology = await wire.provision(name, { topic: name });
  const consumer = createSqsConsumer({
    sqs: wire.sqs,
    queueUrl: topology.responseQueueUrl ?? '',
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
    clientId: name,
    address: topology.responseTopicArn,
    initializeMeta: (clientTopicArn) => ({ clientTopicArn }),
    send: (message) => publish(wire, requestTopicArn, message),
    async close() {
      await consumer.close();
      await topology.teardown();
    },
  };
}

/** Publishes as a program without this package would, by the wire format alone. */
async function publish({ sns }: Wire, topicArn: string, message: RawMessage): Promise<void> {
  const MessageAttributes = rawAttributes(message);
  await sns.send(
    new PublishCommand({
      TopicArn: topicArn,
      Message: message.body,
      MessageAttributes,
      ...rawFifoIds(topicArn, message),
    }),
  );
}

/** Puts a message into a queue as SNS would. */
async function putInto({ sqs, rawMessageDelivery }: Wire, queueUrl: string, message: RawMessage): Promise<void> {
  const attributes = rawAttributes(message);
  const delivered = rawMessageDelivery
    ? { MessageBody: message.body, MessageAttributes: attributes }
    : { MessageBody: wrapped(message.body, attributes) };
  await sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, ...delivered, ...rawFifoIds(queueUrl, message) }));
}

function unwrap(body: string): string {
  const { Message } = JSON.parse(body) as { Message: string };
  return Message;
}
