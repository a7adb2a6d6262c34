import { describe, expect, it } from '@jest/globals';
import { createEnvelope, encodeEnvelope, parseMessage } from '@asyncmcp/core';
import fc from 'fast-check';
import {
  checkMessageAttributes,
  decodeMessage,
  messageSize,
  toBody,
  toMessageAttributes,
} from '../src/message-attributes.js';

const request = { jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'x' } } as const;

function notification(members: Record<string, unknown>): string {
  return JSON.stringify({ Type: 'Notification', Message: JSON.stringify(request), ...members });
}

describe('toMessageAttributes', () => {
  it('carries the wire attributes and the user’s own', () => {
    const envelope = createEnvelope(request, { sessionId: 's', clientId: 'c' });
    expect(toMessageAttributes(encodeEnvelope(envelope), { tenant: 'acme' })).toMatchObject({
      MessageType: { DataType: 'String', StringValue: 'jsonrpc' },
      Timestamp: { DataType: 'Number' },
      RequestId: { DataType: 'String', StringValue: '7' },
      SessionId: { DataType: 'String', StringValue: 's' },
      tenant: { DataType: 'String', StringValue: 'acme' },
    });
  });

  it('refuses an eleventh attribute, which SNS would discard silently', () => {
    const extra = Object.fromEntries(Array.from({ length: 11 }, (_, index) => [`a${index}`, 'x']));
    expect(() => toMessageAttributes({}, extra)).toThrow(
      expect.objectContaining({ code: 'ERR_TOO_MANY_ATTRIBUTES', details: { count: 11, limit: 10 } }),
    );
  });
});

describe('messageSize', () => {
  it('counts bytes of the body and of each name, type and value', () => {
    expect(messageSize('é', {})).toBe(2);
    expect(messageSize('', { ab: { DataType: 'String', StringValue: '€' } })).toBe(2 + 6 + 3);
    expect(messageSize('', { b: { DataType: 'Binary', BinaryValue: new Uint8Array(5) } })).toBe(1 + 6 + 5);
  });
});

describe('toBody', () => {
  it('contains only characters that SQS takes, and means the same', () => {
    // eslint-disable-next-line no-control-regex
    const refused = /[^\u0009\u000a\u000d\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const message = { jsonrpc: '2.0', method: 'm', params: { text: `${text}\ufffe\uffff\u0000\ud800` } } as const;
        const body = toBody(createEnvelope(message));
        expect(body).not.toMatch(refused);
        expect(JSON.parse(body)).toEqual(message);
      }),
    );
  });
});

describe('decodeMessage', () => {
  it('decodes a raw message', () => {
    const envelope = createEnvelope(request, { sessionId: 's', messageId: 'm1', replyTo: 'q' });
    const decoded = decodeMessage({
      MessageId: 'sqs-id',
      Body: toBody(createEnvelope(request)),
      MessageAttributes: toMessageAttributes(encodeEnvelope(envelope)),
    });
    expect(decoded).toMatchObject({ type: 'jsonrpc', messageId: 'm1', sessionId: 's', replyTo: 'q', requestIdHint: 7 });
    expect(parseMessage(decoded.body)).toEqual({ ok: true, message: request });
  });

  it('takes the SQS message id for a peer that sends none', () => {
    expect(decodeMessage({ MessageId: 'sqs-id', Body: '{}' }).messageId).toBe('sqs-id');
  });

  it('unwraps an SNS notification with its attributes', () => {
    const MessageAttributes = {
      SessionId: { Type: 'String', Value: 's' },
      Timestamp: { Type: 'Number', Value: '1700000000' },
    };
    const decoded = decodeMessage({ MessageId: 'i', Body: notification({ MessageAttributes }) });
    expect(decoded).toMatchObject({ sessionId: 's', sentAt: new Date(1_700_000_000_000) });
    expect(JSON.parse(decoded.body)).toEqual(request);
  });

  it('prefers the attributes of the SQS message to those of the wrapper', () => {
    const wrapped = { SessionId: { Type: 'String', Value: 'wrapper' }, ClientId: { Type: 'String', Value: 'c' } };
    const decoded = decodeMessage({
      MessageId: 'i',
      Body: notification({ MessageAttributes: wrapped }),
      MessageAttributes: { SessionId: { DataType: 'String', StringValue: 'message' } },
    });
    expect(decoded).toMatchObject({ sessionId: 'message', clientId: 'c' });
  });

  it('leaves a JSON-RPC message that only speaks of notifications alone', () => {
    const body = JSON.stringify({ ...request, params: { text: '"Notification"', Type: 'Notification' } });
    expect(decodeMessage({ MessageId: 'i', Body: body }).body).toBe(body);
  });

  it.each([
    ['not JSON', '{"Type":"Notification"'],
    ['an array', '["Notification"]'],
    ['no message', '{"Type":"Notification"}'],
    ['a message that is no text', '{"Type":"Notification","Message":{"a":1}}'],
    ['another type', '{"Type":"SubscriptionConfirmation","Message":"x","a":"Notification"}'],
  ])('passes on unchanged what is no notification: %s', (_, body) => {
    expect(decodeMessage({ MessageId: 'i', Body: body }).body).toBe(body);
  });

  it.each([
    ['null', null],
    ['an array', [{ Type: 'String', Value: 's' }]],
    ['values that are no objects', { SessionId: 's', ClientId: null, Method: 1 }],
    ['values that are no text', { SessionId: { Type: 'String', Value: { a: 1 } }, ClientId: { Type: 'String' } }],
    ['binary values', { SessionId: { Type: 'Binary', Value: 'cw==' } }],
  ])('ignores wrapper attributes that are %s', (_, MessageAttributes) => {
    const decoded = decodeMessage({ MessageId: 'i', Body: notification({ MessageAttributes }) });
    expect(decoded.sessionId).toBeUndefined();
    expect(decoded.clientId).toBeUndefined();
  });

  it('is not fooled by __proto__', () => {
    const body = `{"Type":"Notification","Message":"{}","MessageAttributes":{"__proto__":{"Type":"String","Value":"x"}}}`;
    expect(decodeMessage({ MessageId: 'i', Body: body })).toMatchObject({ body: '{}', messageId: 'i' });
    expect(({} as Record<string, unknown>)['Type']).toBeUndefined();
  });

  it('decodes whatever was sent alike, wrapped in a notification or not, and unwraps once', () => {
    const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 });
    const id = fc.oneof(fc.string({ unit: fc.constantFrom('a', 'Z', '9', '-', ' ', '"'), minLength: 1 }), fc.uuid());
    const message = fc.record({
      jsonrpc: fc.constant('2.0' as const),
      id: fc.oneof(fc.integer(), text),
      method: fc.constantFrom('tools/call', 'Notification'),
      params: fc.oneof(
        fc.constant({ text: notification({}) }),
        fc.dictionary(
          text.filter((name) => name !== '__proto__'),
          fc.jsonValue(),
        ),
      ),
    });
    const metadata = fc.record(
      { sessionId: id, clientId: id, replyTo: id, messageId: fc.uuid() },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(message, metadata, (sentMessage, beside) => {
        const sent = createEnvelope(sentMessage, beside);
        const [MessageId, Body] = ['i', toBody(sent)];
        const attributes = toMessageAttributes(encodeEnvelope(sent));
        const wrapped = Object.entries(attributes).map(([name, { DataType, StringValue }]) => [
          name,
          { Type: DataType, Value: StringValue },
        ]);
        const wrapper = {
          Type: 'Notification',
          Message: Body,
          MessageAttributes: Object.fromEntries(wrapped) as unknown,
        };
        const raw = decodeMessage({ MessageId, Body, MessageAttributes: attributes });
        expect(decodeMessage({ MessageId, Body: JSON.stringify(wrapper) })).toEqual(raw);
        expect(raw.body).toBe(Body);
        const twice = JSON.stringify({ Type: 'Notification', Message: JSON.stringify(wrapper) });
        expect(decodeMessage({ MessageId, Body: twice }).body).toBe(JSON.stringify(wrapper));
      }),
    );
  });

  it('never throws, whatever the body', () => {
    const anyBody = fc.oneof(
      fc.string(),
      fc.json(),
      fc
        .record({ Type: fc.constant('Notification'), Message: fc.jsonValue(), MessageAttributes: fc.jsonValue() })
        .map((value) => JSON.stringify(value)),
      fc.constant('{"Notification":'.repeat(50_000)),
    );
    fc.assert(
      fc.property(anyBody, (Body) => {
        expect(typeof decodeMessage({ MessageId: 'i', Body }).body).toBe('string');
      }),
    );
  });
});

describe('checkMessageAttributes', () => {
  const check = (value: unknown) => checkMessageAttributes('messageAttributes', value);

  it('takes two attributes with names that AWS allows', () => {
    expect(check(undefined)).toEqual({});
    expect(check({ 'team.name-1': 'a', x_Y: 'ü' })).toEqual({ 'team.name-1': 'a', x_Y: 'ü' });
  });

  it.each([
    ['no object', 'tenant=a'],
    ['three attributes', { a: 'x', b: 'x', c: 'x' }],
    ['a reserved name', { SessionId: 'x' }],
    ['the name of our own attribute', { AsyncMcp: 'x' }],
    ['a prefix of AWS', { 'aws.x': 'x' }],
    ['a prefix of Amazon', { 'Amazon.x': 'x' }],
    ['a character AWS refuses', { 'a b': 'x' }],
    ['a dot at the end', { 'a.': 'x' }],
    ['two dots', { 'a..b': 'x' }],
    ['an empty name', { '': 'x' }],
    ['a name that is too long', { ['a'.repeat(257)]: 'x' }],
    ['an empty value', { a: '' }],
    ['a value that is no text', { a: 1 }],
    ['a control character', { a: '\u0001' }],
  ])('refuses %s', (_, value) => {
    expect(() => check(value)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_OPTION' }));
  });
});
