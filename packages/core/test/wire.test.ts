import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createEnvelope, createMetadata } from '../src/envelope.js';
import { decodeEnvelope, encodeEnvelope, encodeTermination } from '../src/wire.js';
import type { WireAttributes } from '../src/wire.js';

function values(attributes: WireAttributes): Record<string, string> {
  return Object.fromEntries(Object.entries(attributes).map(([name, { StringValue }]) => [name, StringValue]));
}

const request = { jsonrpc: '2.0', id: 0, method: 'tools/call', params: {} } as const;

describe('the wire format', () => {
  it('is that of asyncmcp for Python, with all of ours in one attribute', () => {
    const envelope = createEnvelope(request, {
      messageId: 'm-1',
      sessionId: 's-1',
      clientId: 'c-1',
      protocolVersion: '2025-06-18',
      replyTo: 'https://example.com/1/replies',
      sentAt: new Date(1_700_000_000_500),
    });
    expect(encodeEnvelope(envelope)).toEqual({
      MessageType: { DataType: 'String', StringValue: 'jsonrpc' },
      Timestamp: { DataType: 'Number', StringValue: '1700000000' },
      RequestId: { DataType: 'String', StringValue: '0' },
      Method: { DataType: 'String', StringValue: 'tools/call' },
      SessionId: { DataType: 'String', StringValue: 's-1' },
      ClientId: { DataType: 'String', StringValue: 'c-1' },
      ProtocolVersion: { DataType: 'String', StringValue: '2025-06-18' },
      AsyncMcp: { DataType: 'String', StringValue: '{"v":1,"id":"m-1","replyTo":"https://example.com/1/replies"}' },
    });
  });

  it('leaves out what AWS would refuse: empty values and control characters', () => {
    const attributes = encodeEnvelope(createEnvelope({ jsonrpc: '2.0', id: '', method: 'a\u0000b' }));
    expect(attributes).not.toHaveProperty('RequestId');
    expect(attributes).not.toHaveProperty('Method');
  });

  it('keeps its own attribute readable whatever id a stranger chose', () => {
    const related = (id: string): string | undefined =>
      encodeEnvelope(createEnvelope(request, { messageId: 'm', relatedRequestId: id }))['AsyncMcp']?.StringValue;
    expect(related('a\uffffb')).toBe(String.raw`{"v":1,"id":"m","related":"a\uffffb"}`);
    expect(related('\u0000'.repeat(5000))).toBe('{"v":1,"id":"m"}');
  });

  it('has responses carry neither RequestId nor Method', () => {
    const attributes = encodeEnvelope(createEnvelope({ jsonrpc: '2.0', id: 1, result: {} }));
    expect(Object.keys(attributes)).toEqual(['MessageType', 'Timestamp', 'AsyncMcp']);
  });

  it('reads back what it wrote', () => {
    const token = fc.string({
      minLength: 1,
      maxLength: 40,
      unit: fc.constantFrom('a', 'Z', '0', '9', '-', '_', ':', '/', '.'),
    });
    const optional = fc.option(token, { nil: undefined });
    const related = fc.option(fc.oneof(fc.integer(), fc.string()), { nil: undefined });
    fc.assert(
      fc.property(
        token,
        optional,
        optional,
        optional,
        optional,
        related,
        (messageId, sessionId, clientId, protocolVersion, replyTo, relatedRequestId) => {
          const sentAt = new Date(1_700_000_000_000);
          const metadata = { messageId, sessionId, clientId, protocolVersion, replyTo, relatedRequestId, sentAt };
          const decoded = decodeEnvelope('{}', values(encodeEnvelope(createEnvelope(request, metadata))), 'fallback');
          expect(decoded).toEqual({
            ...createMetadata(metadata),
            type: 'jsonrpc',
            extended: true,
            body: '{}',
            requestIdHint: 0,
          });
        },
      ),
    );
  });

  it('knows the request to end a session', () => {
    const attributes = values(encodeTermination(createMetadata({ sessionId: 's-1' })));
    expect(decodeEnvelope('{}', attributes, 'f')).toMatchObject({ type: 'terminate', sessionId: 's-1' });
  });

  it('takes the message id of a Python peer from its queue', () => {
    expect(decodeEnvelope('{}', { MessageType: 'jsonrpc', RequestId: 'abc' }, 'sqs-id')).toMatchObject({
      messageId: 'sqs-id',
      requestIdHint: 'abc',
    });
  });

  it('survives any attributes', () => {
    const name = fc.constantFrom(
      'MessageType',
      'Timestamp',
      'RequestId',
      'SessionId',
      'ClientId',
      'ProtocolVersion',
      'AsyncMcp',
      'X',
    );
    const value = fc.oneof(
      fc.string(),
      fc.json(),
      fc.constant('9'.repeat(400)),
      fc.constant('{"id":5,"replyTo":[],"related":{}}'),
    );
    fc.assert(
      fc.property(fc.string(), fc.dictionary(name, value), (body, attributes) => {
        const envelope = decodeEnvelope(body, attributes, 'fallback');
        expect(typeof envelope.messageId).toBe('string');
        expect(Number.isNaN(envelope.sentAt.getTime())).toBe(false);
        expect(envelope.replyTo === undefined || typeof envelope.replyTo === 'string').toBe(true);
      }),
    );
  });

  it('ignores unknown members and later versions of its own attribute', () => {
    const AsyncMcp = JSON.stringify({ v: 99, id: 'm', replyTo: 'r', future: true });
    expect(decodeEnvelope('{}', { AsyncMcp }, 'f')).toMatchObject({ messageId: 'm', replyTo: 'r' });
  });
});
