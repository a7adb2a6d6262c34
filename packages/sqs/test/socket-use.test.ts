import { describe, expect, it } from '@jest/globals';
import { until } from '@asyncmcp/testkit';
import { SqsResponseReceiver } from '../src/index.js';
import { recordingLogger } from './support.js';
import { useSystem } from './system.js';
import type { ClientWireEvents } from '@asyncmcp/core';
import type { SQSClient } from '@aws-sdk/client-sqs';

const system = useSystem();

const idle: ClientWireEvents = {
  accepts: () => false,
  receive: async () => {},
  failed: () => {},
  lost: () => {},
  discarded: () => {},
  repeated: () => {},
};

/** What is logged of `pollers` receivers on one client, one after the other; each polls a queue of its own. */
async function warningsOf(sqs: SQSClient, pollers: number): Promise<string[]> {
  const { aws } = system();
  const logger = recordingLogger();
  const receivers: SqsResponseReceiver[] = [];
  for (let n = 0; n < pollers; n++) {
    const { queueUrl: responseQueueUrl } = await aws.createQueue(`polled-${n}`);
    const receiver = new SqsResponseReceiver({ sqs, responseQueueUrl, logger });
    receivers.push(receiver);
    const before = aws.calls.of('ReceiveMessage');
    await receiver.attach(idle);
    await until(() => aws.calls.of('ReceiveMessage') > before);
  }
  await Promise.all(receivers.map((receiver) => receiver.detach(idle)));
  return logger.lines.filter(({ level }) => level === 'warn').map(({ message }) => message);
}

describe('long polls on one AWS client', () => {
  it('that leave no socket for anything else are warned of, once', async () => {
    // One more than the pollers, for what each asks before it polls.
    const sqs = system().aws.sqsClient({ requestHandler: { httpAgent: { maxSockets: 3 } } });
    expect(await warningsOf(sqs, 2)).toEqual([]);
    expect(await warningsOf(sqs, 3)).toEqual([expect.stringMatching(/3 long polls.*3 sockets.*receiver.*maxSockets/)]);
    expect(await warningsOf(sqs, 3)).toEqual([]);
  });
});
