import type { MessageAttributeValue } from '@aws-sdk/client-sqs';

/** The body that SNS puts into a queue whose subscription has no raw delivery (SNS Developer Guide, SQS subscriptions). */
export function wrapped(body: string, attributes: Readonly<Record<string, MessageAttributeValue>>): string {
  const MessageAttributes = Object.fromEntries(
    Object.entries(attributes).map(([name, { DataType, StringValue }]) => [
      name,
      { Type: DataType, Value: StringValue },
    ]),
  );
  return JSON.stringify({
    Type: 'Notification',
    MessageId: 'b1a2c3d4-0000-4000-8000-000000000000',
    TopicArn: 'arn:aws:sns:us-east-1:000000000000:any',
    Message: body,
    Timestamp: '2026-01-01T00:00:00.000Z',
    SignatureVersion: '1',
    MessageAttributes,
  });
}
