import type { SNSClient } from '@aws-sdk/client-sns';
import type { ReceiveMessageResult, SQSClient } from '@aws-sdk/client-sqs';

interface Entry {
  readonly MessageBody?: string | undefined;
  readonly Message?: string | undefined;
}

interface SendInput extends Entry {
  readonly Entries?: readonly Entry[] | undefined;
  readonly PublishBatchRequestEntries?: readonly Entry[] | undefined;
}

/** Hands on the body of each message that is really sent or published, after all faults: a duplicated one twice. */
export function watchSends(client: SQSClient | SNSClient, onBody: (body: string) => void): void {
  // What both stacks have in common; their types do not say so.
  const { middlewareStack } = client as SQSClient;
  middlewareStack.add(
    (next) => (args) => {
      for (const body of bodiesIn(args.input as SendInput)) onBody(body);
      return next(args);
    },
    { step: 'initialize', priority: 'low', name: 'asyncmcpWatchSends' },
  );
}

/** Tells what is received, and what is deleted, really, whatever faults do to it. */
export function watchMessages(
  sqs: SQSClient,
  onReceived: (bodies: readonly string[]) => void,
  onDeleted: (bodies: readonly string[]) => void,
): void {
  const bodies = new Map<string, string>();
  sqs.middlewareStack.add(
    (next) => async (args) => {
      const answer = await next(args);
      const { Messages = [] } = answer.output as ReceiveMessageResult;
      if (Messages.length > 0) onReceived(Messages.map(({ Body = '' }) => Body));
      for (const { ReceiptHandle = '', Body = '' } of Messages) bodies.set(ReceiptHandle, Body);
      const deleted = handlesIn(args.input as DeleteInput);
      if (deleted.length > 0) onDeleted(deleted.flatMap((handle) => bodies.get(handle) ?? []));
      for (const handle of deleted) bodies.delete(handle);
      return answer;
    },
    { step: 'initialize', priority: 'low', name: 'asyncmcpWatchMessages' },
  );
}

interface DeleteInput {
  readonly ReceiptHandle?: string | undefined;
  readonly VisibilityTimeout?: number | undefined;
  readonly Entries?: readonly DeleteInput[] | undefined;
}

/** Those of a delete; a change of visibility has handles, too. */
function handlesIn({ Entries, ...one }: DeleteInput): string[] {
  return [one, ...(Entries ?? [])].flatMap(({ ReceiptHandle, VisibilityTimeout }) =>
    VisibilityTimeout === undefined ? (ReceiptHandle ?? []) : [],
  );
}

function bodiesIn(input: SendInput): string[] {
  const entries = [input, ...(input.Entries ?? []), ...(input.PublishBatchRequestEntries ?? [])];
  return entries.flatMap(({ MessageBody, Message }) => MessageBody ?? Message ?? []);
}
