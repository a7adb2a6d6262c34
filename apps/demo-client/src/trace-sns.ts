import { isRecord } from '@asyncmcp/core';
import { entryOf } from './trace-sqs.js';
import type { MessageAttributeValue, SNSClient } from '@aws-sdk/client-sns';
import type { Trace, TraceEntry } from './trace.js';

/** The members of the inputs and outputs of SNS's API that are looked at here. */
interface Seen extends Outgoing {
  readonly TopicArn?: string;
  readonly SubscriptionArn?: string;
  readonly PublishBatchRequestEntries?: readonly Outgoing[];
  readonly Failed?: readonly { readonly Id?: string }[];
}

interface Outgoing {
  readonly Id?: string;
  readonly Message?: string;
  readonly MessageAttributes?: Record<string, MessageAttributeValue>;
}

/** Records what a client's own AWS client publishes, and what it subscribes, from the middleware stack. */
export function traceSns(sns: SNSClient, trace: Trace): void {
  sns.middlewareStack.add(
    (next, context: { commandName?: string }) => async (args) => {
      const command = context.commandName ?? '';
      const input = seen(args.input);
      const sent = command.startsWith('Publish') ? recordPublished(trace, input) : [];
      try {
        const result = await next(args);
        const failed = new Set(seen(result.output).Failed?.map(({ Id }) => Id));
        const { PublishBatchRequestEntries: entries = [] } = input;
        for (const [index, entry] of sent.entries()) if (failed.has(entries[index]?.Id)) entry.refused = true;
        if (command === 'SubscribeCommand') recordSubscription(trace, 'created', seen(result.output));
        if (command === 'UnsubscribeCommand') recordSubscription(trace, 'deleted', input);
        return result;
      } catch (error) {
        for (const entry of sent) entry.refused = true;
        throw error;
      }
    },
    { step: 'initialize', name: 'asyncmcpDemoTrace' },
  );
}

/** Recorded before the call: an answer may be here before SNS has confirmed the question. */
function recordPublished(trace: Trace, input: Seen): TraceEntry[] {
  const { TopicArn, PublishBatchRequestEntries: entries = [input] } = input; // A lone message is sent as one.
  return entries.map(({ Message, MessageAttributes }) => {
    const entry = entryOf('sent', channelOf(TopicArn), { Body: Message, MessageAttributes });
    trace.record(entry);
    return entry;
  });
}

function recordSubscription(trace: Trace, kind: 'created' | 'deleted', { SubscriptionArn = '' }: Seen): void {
  // arn:aws:sns:<region>:<account>:<topic>:<id>
  const topicArn = SubscriptionArn.slice(0, SubscriptionArn.lastIndexOf(':'));
  trace.record({ kind, channel: channelOf(topicArn), what: `subscription ${kind}`, at: performance.now() });
}

/** Topics may have the names of queues. */
function channelOf(topicArn = ''): string {
  return `topic ${topicArn.slice(topicArn.lastIndexOf(':') + 1)}`;
}

/** The command's name says what the members are: the types of the middleware stack do not. */
function seen(value: unknown): Seen {
  return isRecord(value) ? value : {};
}
