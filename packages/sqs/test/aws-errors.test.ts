import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { GetQueueAttributesCommand, SendMessageCommand, SQSServiceException } from '@aws-sdk/client-sqs';
import { AsyncMcpError } from '@asyncmcp/core';
import { fromAwsError, fromBatchEntry, fromHandleFailure, isTransient } from '../src/aws-errors.js';
import { startEmulator } from './support.js';
import type { Emulator } from './support.js';

function awsError(name: string, options: { message?: string; fault?: 'client' | 'server'; status?: number } = {}) {
  const { message = 'no', fault = 'client', status = 400 } = options;
  return new SQSServiceException({ name, message, $fault: fault, $metadata: { httpStatusCode: status } });
}

describe('fromAwsError', () => {
  it.each([
    ['QueueDoesNotExist', 'ERR_DESTINATION_GONE'],
    ['AWS.SimpleQueueService.NonExistentQueue', 'ERR_DESTINATION_GONE'],
    ['com.amazonaws.sqs#QueueDoesNotExist', 'ERR_DESTINATION_GONE'],
    ['NotFound', 'ERR_DESTINATION_GONE'],
    ['InvalidAddress', 'ERR_DESTINATION_GONE'],
    ['AccessDenied', 'ERR_ACCESS_DENIED'],
    ['AccessDeniedException', 'ERR_ACCESS_DENIED'],
    ['InvalidSecurity', 'ERR_ACCESS_DENIED'],
    ['SignatureDoesNotMatch', 'ERR_ACCESS_DENIED'],
    ['UnrecognizedClientException', 'ERR_ACCESS_DENIED'],
    ['ExpiredTokenException', 'ERR_ACCESS_DENIED'],
    ['KmsAccessDenied', 'ERR_ACCESS_DENIED'],
    ['KMS.NotFoundException', 'ERR_ACCESS_DENIED'],
    ['KmsThrottled', 'ERR_UNAVAILABLE'],
    ['BatchRequestTooLong', 'ERR_MESSAGE_TOO_LARGE'],
    ['InvalidMessageContents', 'ERR_MESSAGE_INVALID'],
    ['InvalidParameterValue', 'ERR_MESSAGE_INVALID'],
    ['RequestThrottled', 'ERR_UNAVAILABLE'],
    ['OverLimit', 'ERR_UNAVAILABLE'],
    ['SomethingNew', 'ERR_MESSAGE_INVALID'],
    ['QueueDeletedRecently', 'ERR_UNAVAILABLE'],
    // SNS, as its SDK names them
    ['NotFoundException', 'ERR_DESTINATION_GONE'],
    ['AuthorizationErrorException', 'ERR_ACCESS_DENIED'],
    ['InvalidSecurityException', 'ERR_ACCESS_DENIED'],
    ['KMSDisabledException', 'ERR_ACCESS_DENIED'],
    ['KMSOptInRequired', 'ERR_ACCESS_DENIED'],
    ['KMSThrottlingException', 'ERR_UNAVAILABLE'],
    ['ThrottledException', 'ERR_UNAVAILABLE'],
    ['InternalErrorException', 'ERR_UNAVAILABLE'],
    ['ConcurrentAccessException', 'ERR_UNAVAILABLE'],
    ['FilterPolicyLimitExceededException', 'ERR_UNAVAILABLE'],
    ['InvalidParameterException', 'ERR_MESSAGE_INVALID'],
    ['InvalidParameterValueException', 'ERR_MESSAGE_INVALID'],
    ['BatchRequestTooLongException', 'ERR_MESSAGE_TOO_LARGE'],
  ])('maps %s', (name, code) => {
    const error = fromAwsError(awsError(name), 'Trying it', { queueUrl: 'q' });
    expect(error).toMatchObject({ code, details: { httpStatus: 400, queueUrl: 'q' } });
    expect(error.message).toMatch(/^Trying it failed: /);
    expect(isTransient(error)).toBe(code === 'ERR_UNAVAILABLE');
  });

  it.each([
    ['a failure of AWS', awsError('Whatever', { fault: 'server', status: 503 })],
    ['throttling by status', awsError('Whatever', { status: 429 })],
    ['a connection that ends', Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })],
    ['a time limit', Object.assign(new Error('timed out'), { name: 'TimeoutError' })],
    ['something thrown that is no error', 'boom'],
  ])('takes %s for transient', (_, cause) => {
    expect(isTransient(fromAwsError(cause, 'Trying it'))).toBe(true);
  });

  it('says what SQS allows when a message is too long', () => {
    const message = 'One or more parameters are invalid. Reason: Message must be shorter than 262144 bytes.';
    const error = fromAwsError(awsError('InvalidParameterValue', { message }), 'Sending');
    expect(error).toMatchObject({ code: 'ERR_MESSAGE_TOO_LARGE', details: { limitBytes: 262_144 } });
  });

  it.each([
    ['Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1', 'ERR_DESTINATION_GONE'],
    ['Invalid parameter: SubscriptionArn', 'ERR_DESTINATION_GONE'],
    ['Invalid parameter: Message too long', 'ERR_MESSAGE_TOO_LARGE'],
    ['Invalid parameter: Attributes Reason: Topic already exists with different attributes', 'ERR_MESSAGE_INVALID'],
  ])('reads what SNS means by “%s”', (message, code) => {
    expect(fromAwsError(awsError('InvalidParameterException', { message }), 'Trying it')).toMatchObject({ code });
  });

  it.each([
    ['QueueDeletedRecently', 'after 60 seconds'],
    ['SubscriptionLimitExceededException', 'quota'],
  ])('says what to do about %s', (name, advice) => {
    expect(fromAwsError(awsError(name), 'Trying it').message).toContain(advice);
  });

  it('says at once that the client has no region', () => {
    // What the SDK's region provider throws when neither the environment nor a profile names one.
    expect(fromAwsError(new Error('Region is missing'), 'Sending')).toMatchObject({ code: 'ERR_INVALID_OPTION' });
  });

  it('returns an AsyncMcpError as it is', () => {
    const error = new AsyncMcpError('ERR_CLOSED', 'closed');
    expect(fromAwsError(error, 'Trying it')).toBe(error);
  });
});

describe('batch entries', () => {
  it('blames AWS for what is not the sender’s fault', () => {
    expect(isTransient(fromBatchEntry({ Code: 'InternalError', Message: 'x', SenderFault: false }, 'Sending'))).toBe(
      true,
    );
    expect(isTransient(fromBatchEntry({ Code: 'Odd', Message: 'x', SenderFault: false }, 'Sending'))).toBe(true);
    expect(
      fromBatchEntry({ Code: 'InvalidMessageContents', Message: 'x', SenderFault: true }, 'Sending'),
    ).toMatchObject({
      code: 'ERR_MESSAGE_INVALID',
    });
  });

  it('takes a refused receipt handle for a lost lease', () => {
    const refused = { Id: '0', Code: 'ReceiptHandleIsInvalid', Message: 'x', SenderFault: true };
    expect(fromHandleFailure(refused, 'Deleting')).toMatchObject({ code: 'ERR_LEASE_LOST' });
    const failed = { Id: '0', Code: 'InternalError', Message: 'x', SenderFault: false };
    expect(fromHandleFailure(failed, 'Deleting')).toMatchObject({ code: 'ERR_UNAVAILABLE' });
  });
});

describe('errors as the SDK makes them', () => {
  let emulator: Emulator;
  beforeAll(async () => {
    emulator = await startEmulator();
  });
  afterAll(() => emulator.stop());

  const failure = async (call: Promise<unknown>): Promise<AsyncMcpError> => {
    const cause: unknown = await call.then(
      () => new Error('it did not fail'),
      (error: unknown) => error,
    );
    return fromAwsError(cause, 'Trying it');
  };

  it('recognises a missing queue', async () => {
    const command = new GetQueueAttributesCommand({ QueueUrl: 'http://localhost/000000000000/none' });
    expect(await failure(emulator.sqs.send(command))).toMatchObject({ code: 'ERR_DESTINATION_GONE' });
  });

  it('recognises a message that is too long', async () => {
    const QueueUrl = await emulator.createQueue('small', { MaximumMessageSize: '1024' });
    const command = new SendMessageCommand({ QueueUrl, MessageBody: 'x'.repeat(1025) });
    expect(await failure(emulator.sqs.send(command))).toMatchObject({
      code: 'ERR_MESSAGE_TOO_LARGE',
      details: { limitBytes: 1024 },
    });
  });

  it('recognises a refused connection', async () => {
    const nobody = emulator.client({ endpoint: 'http://127.0.0.1:1', maxAttempts: 1 });
    const error = await failure(nobody.send(new GetQueueAttributesCommand({ QueueUrl: 'http://127.0.0.1:1/0/q' })));
    expect(error).toMatchObject({ code: 'ERR_UNAVAILABLE', message: expect.stringContaining('ECONNREFUSED') });
  });
});
