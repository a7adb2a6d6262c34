import { isRecord } from '@asyncmcp/core';
import { decodeMessage } from '@asyncmcp/sqs';
import { describeMessage } from './describe-message.js';
import type { Message, MessageAttributeValue, SQSClient } from '@aws-sdk/client-sqs';
import type { Trace, TraceEntry } from './trace.js';

/** The members of the inputs and outputs of SQS's API that are looked at here. */
interface Seen extends Outgoing {
  readonly QueueUrl?: string;
  readonly Entries?: readonly Outgoing[];
  readonly Messages?: readonly Message[];
  readonly Failed?: readonly { readonly Id?: string }[];
}

interface Outgoing {
  readonly Id?: string;
  readonly MessageBody?: string;
  readonly MessageAttributes?: Record<string, MessageAttributeValue>;
}

/**
 * Records what a client's own AWS client sends and receives. It looks on from the middleware stack, so what it records is
 * what went to SQS and what came from there, not what the transport says of itself.
 */
export function traceSqs(sqs: SQSClient, trace: Trace): void {
  sqs.middlewareStack.add(
    (next, context) => async (args) => {
      const command = String(context['commandName']);
      const input = seen(args.input);
      const sent = command.startsWith('SendMessage') ? recordSent(trace, input) : [];
      try {
        const result = await next(args);
        const output = seen(result.output);
        markRefused(sent, input, output);
        if (command === 'ReceiveMessageCommand') recordReceived(trace, input, output);
        if (command === 'CreateQueueCommand') recordQueue(trace, 'created', output);
        if (command === 'DeleteQueueCommand') recordQueue(trace, 'deleted', input);
        return result;
      } catch (error) {
        for (const entry of sent) entry.refused = true;
        throw error;
      }
    },
    { step: 'initialize', name: 'asyncmcpDemoTrace' },
  );
}

/** Recorded before the call: an answer may be here before SQS has confirmed the question. */
function recordSent(trace: Trace, input: Seen): TraceEntry[] {
  const { QueueUrl, Entries = [input] } = input; // A lone message is sent as one.
  return Entries.map(({ MessageBody, MessageAttributes }) => {
    const entry = messageEntry('sent', QueueUrl, { Body: MessageBody, MessageAttributes });
    trace.record(entry);
    return entry;
  });
}

function markRefused(sent: readonly TraceEntry[], { Entries = [] }: Seen, { Failed = [] }: Seen): void {
  const failed = new Set(Failed.map(({ Id }) => Id));
  for (const [index, entry] of sent.entries()) if (failed.has(Entries[index]?.Id)) entry.refused = true;
}

function recordReceived(trace: Trace, { QueueUrl }: Seen, { Messages = [] }: Seen): void {
  for (const message of Messages) trace.record(messageEntry('received', QueueUrl, message));
}

function recordQueue(trace: Trace, kind: 'created' | 'deleted', { QueueUrl }: Seen): void {
  trace.record({ kind, channel: queueName(QueueUrl), what: `temporary queue ${kind}`, at: performance.now() });
}

function messageEntry(kind: 'sent' | 'received', queueUrl: string | undefined, message: Message): TraceEntry {
  return entryOf(kind, queueName(queueUrl), message);
}

/** A message that travelled on a channel. */
export function entryOf(kind: 'sent' | 'received', channel: string, message: Message): TraceEntry {
  const what = describeMessage(decodeMessage(message));
  return { kind, channel, what, bytes: sizeOf(message), at: performance.now() };
}

/** Bytes as SQS counts them: the body, and the name, type and value of each attribute. */
function sizeOf({ Body = '', MessageAttributes = {} }: Message): number {
  const texts = Object.entries(MessageAttributes).flatMap(([name, value]) => [
    name,
    value.DataType ?? '',
    value.StringValue ?? '',
  ]);
  return [Body, ...texts].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}

function queueName(queueUrl = ''): string {
  return queueUrl.slice(queueUrl.lastIndexOf('/') + 1);
}

/** The command's name says what the members are: the types of the middleware stack do not. */
function seen(value: unknown): Seen {
  return isRecord(value) ? value : {};
}
