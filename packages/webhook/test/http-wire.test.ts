import { describe, expect, it } from '@jest/globals';
import { createEnvelope } from '@asyncmcp/core';
import fc from 'fast-check';
import { attemptOf, decodeHeaders, encodeHeaders } from '../src/http-wire.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';

const PING: JSONRPCMessage = { jsonrpc: '2.0', id: 7, method: 'ping' };

const token = fc.stringMatching(/^[\x21-\x7e]{1,64}$/);
const requestId = fc.oneof(fc.maxSafeInteger(), fc.string({ maxLength: 60, unit: 'grapheme' }));

describe('headers', () => {
  it('bring an envelope across as it was', () => {
    const metadata = fc.record(
      { messageId: token, sessionId: token, clientId: token, protocolVersion: token, relatedRequestId: requestId },
      { requiredKeys: ['messageId'] },
    );
    fc.assert(
      fc.property(metadata, (sent) => {
        const received = decodeHeaders('jsonrpc', '{}', encodeHeaders(createEnvelope(PING, sent)));
        expect(received).toMatchObject({ ...sent, extended: true, requestIdHint: 7, type: 'jsonrpc', body: '{}' });
      }),
    );
  });

  it('tell the related ids 1 and "1" apart, and carry any text', () => {
    for (const relatedRequestId of [1, '1', '', 'größer 漢字 "quoted"', -1, 0]) {
      const headers = encodeHeaders(createEnvelope(PING, { relatedRequestId }));
      expect(decodeHeaders('jsonrpc', '', headers).relatedRequestId).toBe(relatedRequestId);
      for (const value of Object.values(headers)) expect(value).toMatch(/^[\x20-\x7e]+$/);
    }
  });

  it('leave out what no header can carry', () => {
    const message: JSONRPCMessage = { jsonrpc: '2.0', id: 'zwölf', method: 'line\nbreak' };
    const headers = encodeHeaders(createEnvelope(message, { clientId: ' blank ', sessionId: 'x'.repeat(5000) }));
    expect(Object.keys(headers).toSorted()).toEqual(['content-type', 'x-message-id']);
  });

  it('of strangers never throw, and mean nothing where they are malformed', () => {
    const name = fc.constantFrom(
      'x-client-id',
      'x-session-id',
      'x-message-id',
      'x-related-request-id',
      'x-attempt',
      'x-request-id',
    );
    const value = fc.oneof(fc.string(), fc.array(fc.string()), fc.constant(undefined));
    fc.assert(
      fc.property(fc.dictionary(name, value), (headers) => {
        const envelope = decodeHeaders('jsonrpc', '', headers);
        for (const id of [envelope.clientId ?? 'none', envelope.sessionId ?? 'none', envelope.messageId]) {
          expect(id).toMatch(/^[\x21-\x7e]{1,1024}$/);
        }
        expect(attemptOf(headers)).toBeGreaterThanOrEqual(1);
      }),
    );
    expect(decodeHeaders('jsonrpc', '', { 'x-client-id': 'a, b' }).clientId).toBeUndefined();
    expect(decodeHeaders('jsonrpc', '', { 'x-related-request-id': 'null' }).relatedRequestId).toBeUndefined();
  });

  it('of an older peer have a message id that is new each time, and say so', () => {
    const [one, other] = [0, 1].map(() => decodeHeaders('jsonrpc', '', { 'x-client-id': 'ada' }));
    expect([one?.extended, other?.extended]).toEqual([false, false]);
    expect(one?.messageId).not.toBe(other?.messageId);
  });

  it.each([
    ['3', 3],
    ['0', 1],
    ['-1', 1],
    ['1e3', 1],
    ['9999999', 1],
  ])('X-Attempt %s is attempt %d', (text, attempt) => {
    expect(attemptOf({ 'x-attempt': text })).toBe(attempt);
  });
});
