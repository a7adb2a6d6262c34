/**
 * MCP clients, of any transport, in a process of their own: to be killed. Its argument is JSON (`CallersArguments`). It prints one JSON
 * object a line: where webhooks are taken, that all are connected, what becomes of each call, which faults it has met, how large its heap
 * is, and that no call is under way any more once it was told to make no more.
 */
import { SnsSqsClientTransport } from '@asyncmcp/sns-sqs';
import { SqsClientTransport } from '@asyncmcp/sqs';
import { StreamableWebhookClientTransport } from '@asyncmcp/streamable-webhook';
import { awsClientConfig, injectSnsFaults, injectSqsFaults } from '@asyncmcp/testkit';
import { WebhookClientTransport, WebhookReceiver } from '@asyncmcp/webhook';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { openCaller } from './callers.js';
import { createDice } from './dice.js';
import { tell, watchFaults, watchHeap } from './member.js';
import { CALM, FINISH } from './system.js';
import { AWS_FAULTS } from './systems/aws-faults.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { Caller, Journal } from './callers.js';
import type { CallersArguments, CallersFault } from './system.js';
import type { AwsFaults } from './systems/aws-faults.js';

/** How often a caller tries to connect: with servers killed again and again, its `initialize` may be among what is given up. */
const MAX_CONNECTS = 5;

// Its parent, another program of this package, has written it.
const { transport, nth, place, seed, callers, inFlight, watched, endpoint, ...options } = JSON.parse(
  process.argv[2] ?? '{}',
) as CallersArguments;
/** What servers call their tool, under each way in which it is answered. */
const tools = transport === 'streamable-webhook' ? ['work', 'work_over_connection'] : ['work'];
const text = (name: string): string => String(options[name]);
let finished = false;

const journal: Journal = {
  sent: (marker) => tell('sent', { marker }),
  answered: (marker) => tell('answered', { marker }),
  ended: (marker, outcome) => tell('ended', { marker, outcome }),
};

function prepareAws(name: 'sqs' | 'sns-sqs'): () => Transport {
  const config = awsClientConfig(String(endpoint));
  const [sqs, sns] = [new SQSClient(config), new SNSClient(config)];
  const faults = { sqs: injectSqsFaults(sqs), sns: injectSnsFaults(sns) };
  watchFaults(faults);
  obey(name, faults);
  if (name === 'sqs') return () => new SqsClientTransport({ sqs, requestQueueUrl: text('requestQueueUrl') });
  const [requestTopicArn, responseTopicArn] = [text('requestTopicArn'), text('responseTopicArn')];
  return () => new SnsSqsClientTransport({ sqs, sns, requestTopicArn, responseTopicArn });
}

async function prepareHttp(name: string): Promise<() => Transport> {
  const receiver = new WebhookReceiver({ path: text('receiverPath') });
  const { url } = await receiver.listen({ port: 0 });
  tell('listening', { url });
  const { resendAfterMs } = options;
  const shared = {
    serverUrl: text('serverUrl'),
    webhookUrl: text('webhookUrl'),
    receiver,
    resendAfterMs: Number(resendAfterMs),
  };
  return () => (name === 'webhook' ? new WebhookClientTransport(shared) : new StreamableWebhookClientTransport(shared));
}

/** Does to itself what it is told. */
function obey(name: 'sqs' | 'sns-sqs', faults: AwsFaults): void {
  process.on('message', (message) => {
    if (message === CALM) {
      faults.sqs.clear();
      faults.sns.clear();
    } else if (typeof message === 'object') {
      const { fault, strength } = message as CallersFault;
      void Object.entries(AWS_FAULTS[name]).find(([kind]) => kind === fault)?.[1](faults, createDice(strength));
    }
  });
}

async function connect(index: number, createTransport: () => Transport): Promise<Caller> {
  const name = `${nth}-${index}`;
  for (let attempt = 1; ; attempt++) {
    try {
      return await openCaller(name, seed * 1000 + index, createTransport(), tools, journal);
    } catch (error) {
      if (attempt === MAX_CONNECTS) throw error;
      tell('error', { code: 'not connected', message: String(error) });
    }
  }
}

async function callOn(caller: Caller): Promise<void> {
  while (!finished) await caller.call();
}

if (watched) watchHeap();
const createTransport =
  transport === 'sqs' || transport === 'sns-sqs' ? prepareAws(transport) : await prepareHttp(transport);
const connected = await Promise.all(Array.from({ length: callers }, (_, index) => connect(index, createTransport)));
process.on('message', (message) => void (finished ||= message === FINISH));
tell('ready', { place });
await Promise.all(connected.flatMap((caller) => Array.from({ length: inFlight }, () => callOn(caller))));
tell('finished');
// Until its parent ends it: what is on its way, a second answer, say, has time to come.
