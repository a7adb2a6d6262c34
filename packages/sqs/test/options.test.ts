import { describe, expect, it } from '@jest/globals';
import { SQSClient } from '@aws-sdk/client-sqs';
import { SqsClientTransport, SqsResponseReceiver, SqsServer } from '../src/index.js';
import { parseQueueUrl, sameAccountAs } from '../src/queue-address.js';

const sqs = new SQSClient({ region: 'eu-west-1' });
const requestQueueUrl = 'https://sqs.eu-west-1.amazonaws.com/123456789012/requests';
const createServer = () => ({ connect: async () => {}, close: async () => {} });

type Wrong = readonly [option: string, value: unknown];

function failureOf(make: () => unknown): unknown {
  try {
    make();
    return undefined;
  } catch (error) {
    return error;
  }
}

describe('a wrong option is refused at construction, by name', () => {
  const timing: Wrong[] = [
    ['waitTimeSeconds', 0],
    ['waitTimeSeconds', 21],
    ['visibilityTimeoutSeconds', 1],
    ['visibilityTimeoutSeconds', 43_201],
    ['visibilityTimeoutSeconds', '30'],
    ['logger', {}],
    ['sqs', {}],
    ['sqs', undefined],
  ];
  const both: Wrong[] = [
    ...timing,
    ['requestQueueUrl', undefined],
    ['requestQueueUrl', 'requests'],
    ['requestQueueUrl', 'arn:aws:sqs:eu-west-1:123456789012:requests'],
    ['messageAttributes', { SessionId: 'x' }],
    ['messageAttributes', { a: '1', b: '2', c: '3' }],
    ['messageAttributes', { 'AWS.x': '1' }],
    ['messageAttributes', { a: '' }],
    ['messageAttributes', 'a=1'],
    ['allowReplyTo', true],
  ];
  const server: Wrong[] = [
    ...both,
    ['createServer', undefined],
    ['maxSessions', -1],
    ['concurrency', 0],
    ['deadLetterQueueUrl', 'x'],
    ['deadLetterQueueUrl', requestQueueUrl],
    ['answerQueueUrl', 7],
    ['answerQueueUrl', requestQueueUrl],
    ['signal', 'now'],
  ];
  const client: Wrong[] = [
    ...both,
    ['responseQueueUrl', 'x'],
    ['responseQueueUrl', requestQueueUrl],
    ['receiver', {}],
    ['receiver', null],
    ['receiver', 'x'],
    ['receiver', new SqsResponseReceiver({ sqs, responseQueueUrl: requestQueueUrl })],
    ['clientId', ''],
    ['clientId', 'with space'],
    ['clientId', 'x'.repeat(129)],
  ];
  const receiver: Wrong[] = [...timing, ['responseQueueUrl', undefined]];

  it.each(server)('SqsServer: %s = %p', (option, value) => {
    expect(failureOf(() => new SqsServer({ sqs, requestQueueUrl, createServer, [option]: value }))).toMatchObject({
      code: 'ERR_INVALID_OPTION',
      message: expect.stringContaining(option),
    });
  });
  it.each(client)('SqsClientTransport: %s = %p', (option, value) => {
    expect(failureOf(() => new SqsClientTransport({ sqs, requestQueueUrl, [option]: value }))).toMatchObject({
      code: 'ERR_INVALID_OPTION',
      message: expect.stringContaining(option),
    });
  });
  it.each(receiver)('SqsResponseReceiver: %s = %p', (option, value) => {
    expect(
      failureOf(() => new SqsResponseReceiver({ sqs, responseQueueUrl: requestQueueUrl, [option]: value })),
    ).toMatchObject({
      code: 'ERR_INVALID_OPTION',
      message: expect.stringContaining(option),
    });
  });
  it('SqsServer: one queue for answers and for dead letters: what went to the second would be taken from the first', () => {
    const answerQueueUrl = `${requestQueueUrl}-dead`;
    const options = { sqs, requestQueueUrl, createServer, answerQueueUrl, deadLetterQueueUrl: answerQueueUrl };
    expect(failureOf(() => new SqsServer(options))).toMatchObject({
      code: 'ERR_INVALID_OPTION',
      message: expect.stringMatching(/answerQueueUrl.*deadLetterQueueUrl/),
    });
  });
  it('a misspelt one, too', () => {
    const misspelt = { requestQueueURL: requestQueueUrl };
    expect(failureOf(() => new SqsServer({ sqs, requestQueueUrl, createServer, ...misspelt }))).toMatchObject({
      message: expect.stringContaining('requestQueueURL'),
    });
  });
  it('and two that contradict each other', () => {
    const responseQueueUrl = `${requestQueueUrl}-replies`;
    const receiverOfOne = new SqsResponseReceiver({ sqs, responseQueueUrl });
    const options = { sqs, requestQueueUrl, receiver: receiverOfOne, responseQueueUrl };
    expect(failureOf(() => new SqsClientTransport(options))).toMatchObject({
      code: 'ERR_INVALID_OPTION',
      message: expect.stringContaining('either "receiver" or "responseQueueUrl"'),
    });
  });

  it.each(['waitTimeSeconds', 'visibilityTimeoutSeconds'])('and %s beside a receiver, which has its own', (option) => {
    const receiver = new SqsResponseReceiver({ sqs, responseQueueUrl: `${requestQueueUrl}-replies` });
    const failure = failureOf(() => new SqsClientTransport({ sqs, requestQueueUrl, receiver, [option]: 10 }));
    expect(failure).toMatchObject({ code: 'ERR_INVALID_OPTION', details: { option } });
    expect(failure).toMatchObject({ message: expect.stringContaining('to the SqsResponseReceiver') });
  });
});

describe('the default reply policy', () => {
  const allows = sameAccountAs([requestQueueUrl, 'https://sqs.eu-west-1.amazonaws.com/123456789012/dead']);

  it.each([
    'https://sqs.eu-west-1.amazonaws.com/123456789012/replies',
    'https://sqs.eu-west-1.amazonaws.com/123456789012/replies.fifo',
    'https://sqs.eu-west-1.amazonaws.com/123456789012/asyncmcp-response-5b0c',
  ])('allows %s', (address) => {
    expect(allows(address)).toBe(true);
  });

  it.each([
    ['the request queue itself', requestQueueUrl],
    ['another queue of its own', 'https://sqs.eu-west-1.amazonaws.com/123456789012/dead'],
    ['another account', 'https://sqs.eu-west-1.amazonaws.com/999999999999/replies'],
    ['another region', 'https://sqs.us-east-1.amazonaws.com/123456789012/replies'],
    ['another host', 'https://evil.example/123456789012/replies'],
    ['a host that looks alike', 'https://sqs.eu-west-1.amazonaws.com.evil.example/123456789012/replies'],
    ['another port', 'https://sqs.eu-west-1.amazonaws.com:8443/123456789012/replies'],
    ['another scheme', 'http://sqs.eu-west-1.amazonaws.com/123456789012/replies'],
    ['credentials', 'https://a:b@sqs.eu-west-1.amazonaws.com/123456789012/replies'],
    ['a query', 'https://sqs.eu-west-1.amazonaws.com/123456789012/replies?Action=DeleteQueue'],
    ['a fragment', 'https://sqs.eu-west-1.amazonaws.com/123456789012/replies#x'],
    ['steps up the path', 'https://sqs.eu-west-1.amazonaws.com/123456789012/../999999999999/replies'],
    ['escapes in the path', 'https://sqs.eu-west-1.amazonaws.com/123456789012/%2e%2e'],
    ['a further level', 'https://sqs.eu-west-1.amazonaws.com/123456789012/x/replies'],
    ['no account', 'https://sqs.eu-west-1.amazonaws.com/replies'],
    ['no name', 'https://sqs.eu-west-1.amazonaws.com/123456789012/'],
    ['a name too long', `https://sqs.eu-west-1.amazonaws.com/123456789012/${'x'.repeat(81)}`],
    ['capital letters in the host', 'https://SQS.eu-west-1.amazonaws.com/123456789012/replies'],
    ['white space', ' https://sqs.eu-west-1.amazonaws.com/123456789012/replies'],
    ['an ARN', 'arn:aws:sqs:eu-west-1:123456789012:replies'],
    ['a file', 'file:///123456789012/replies'],
    ['nothing', ''],
  ])('refuses %s', (_what, address) => {
    expect(allows(address)).toBe(false);
  });

  it('reads the parts of an emulator URL as well', () => {
    expect(parseQueueUrl('http://localhost:4566/000000000000/x')).toEqual({
      origin: 'http://localhost:4566',
      account: '000000000000',
      name: 'x',
    });
  });
});
