import { describe, expect, it } from '@jest/globals';
import { decodeEnvelope } from '@asyncmcp/core';
import { describeMessage } from '../src/describe-message.js';

describe('describeMessage', () => {
  it.each([
    [{ id: 0, method: 'initialize', params: { protocolVersion: '2025-11-25' } }, 'initialize #0'],
    [{ id: 'a', method: 'tools/call', params: { name: 'greet' } }, 'tools/call greet #a'],
    [{ method: 'notifications/initialized' }, 'notifications/initialized'],
    [
      { method: 'notifications/progress', params: { progressToken: 1, progress: 2, total: 5 } },
      'notifications/progress 2/5',
    ],
    [{ method: 'notifications/progress', params: { progressToken: 1, progress: 2 } }, 'notifications/progress 2'],
    [{ method: 'notifications/cancelled', params: { requestId: 4 } }, 'notifications/cancelled #4'],
    [{ id: 1, result: {} }, 'result #1'],
    [{ id: 1, result: { isError: true } }, 'result (isError) #1'],
    [{ id: 1, error: { code: -32001, message: 'no such session' } }, 'error -32001 #1'],
  ])('%j is "%s"', (message, text) => {
    const body = JSON.stringify({ jsonrpc: '2.0', ...message });
    expect(describeMessage(decodeEnvelope(body, {}, 'id'))).toBe(text);
  });

  it('names the session that is ended', () => {
    const envelope = decodeEnvelope('{}', { MessageType: 'terminate', SessionId: '1f3a9b02-1234' }, 'id');
    expect(describeMessage(envelope)).toBe('end of session 1f3a9b02');
  });

  it('takes anything', () => {
    for (const body of ['', 'hello', '[]', '{"jsonrpc":"2.0"}']) {
      expect(describeMessage(decodeEnvelope(body, {}, 'id'))).toBe('not a JSON-RPC message');
    }
  });
});
