import { describe, expect, it } from '@jest/globals';
import { JSONRPCMessageSchema } from '@modelcontextprotocol/sdk/types.js';
import fc from 'fast-check';
import { MAX_MESSAGE_DEPTH, errorCodeOf, errorResponse, parseMessage } from '../src/jsonrpc.js';
import { AsyncMcpError } from '../src/errors.js';

function parse(value: unknown): ReturnType<typeof parseMessage> {
  return parseMessage(JSON.stringify(value));
}

describe('parseMessage', () => {
  it.each([
    { jsonrpc: '2.0', id: 0, method: 'ping' },
    { jsonrpc: '2.0', id: '', method: 'tools/call', params: { name: 'x', _meta: { progressToken: 0 } } },
    { jsonrpc: '2.0', method: 'notifications/initialized' },
    { jsonrpc: '2.0', id: 7, result: {} },
    { jsonrpc: '2.0', id: 7, error: { code: -32601, message: 'no', data: [1] } },
    { jsonrpc: '2.0', error: { code: -32700, message: 'no id' } },
  ])('takes %j as it is', (message) => {
    expect(parse(message)).toEqual({ ok: true, message });
  });

  it.each([
    ['no JSON', '{', -32700, /JSON/],
    ['a batch', '[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32600, /batch/],
    ['a string', '"ping"', -32600, /object/],
    ['null', 'null', -32600, /object/],
    ['another version', '{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600, /jsonrpc/],
    ['a null id', '{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600, /"id"/],
    ['a fractional id', '{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600, /"id"/],
    ['an extra member', '{"jsonrpc":"2.0","id":1,"method":"ping","x":1}', -32600, /"x"/],
    ['a method and a result', '{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}', -32600, /"result"/],
    ['params as an array', '{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}', -32600, /"params"/],
    ['a result that is no object', '{"jsonrpc":"2.0","id":1,"result":1}', -32600, /"result"/],
    ['neither method nor result', '{"jsonrpc":"2.0"}', -32600, /"method"/],
    ['_meta as a string', '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":"x"}}', -32600, /_meta/],
    [
      'a progress token that is an object',
      '{"jsonrpc":"2.0","id":1,"method":"a","params":{"_meta":{"progressToken":{}}}}',
      -32600,
      /progressToken/,
    ],
    ['an error without a code', '{"jsonrpc":"2.0","id":1,"error":{"message":"x"}}', -32600, /code/],
  ])('refuses %s', (_what, text, code, reason) => {
    const parsed = parseMessage(text);
    expect(parsed).toMatchObject({ ok: false, code });
    expect(parsed.ok ? '' : parsed.reason).toMatch(reason);
  });

  it('tells the id of a refused request, so that it can be answered', () => {
    expect(parse({ jsonrpc: '2.0', id: 0, method: 5 })).toMatchObject({ ok: false, id: 0 });
  });

  it('counts nesting outside strings only', () => {
    const nested = (depth: number): string =>
      `{"jsonrpc":"2.0","id":1,"result":{"a":${'['.repeat(depth)}${']'.repeat(depth)}}}`;
    expect(parseMessage(nested(MAX_MESSAGE_DEPTH - 2)).ok).toBe(true);
    expect(parseMessage(nested(MAX_MESSAGE_DEPTH - 1))).toMatchObject({ ok: false, code: -32600 });
    expect(parse({ jsonrpc: '2.0', id: 1, result: { text: '[{"\\'.repeat(1000) } }).ok).toBe(true);
  });

  it('never throws, and takes nothing that the SDK would refuse to dispatch', () => {
    const keys = fc.constantFrom(
      'jsonrpc',
      'id',
      'method',
      'params',
      'result',
      'error',
      '_meta',
      'progressToken',
      'code',
      'message',
      'x',
    );
    const leaf = fc.oneof(fc.constant('2.0'), fc.string(), fc.integer(), fc.double(), fc.boolean(), fc.constant(null));
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        leaf,
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(keys, tie('value'), { maxKeys: 5 }),
      ),
    }));
    const member = fc.dictionary(keys, value, { maxKeys: 5 });
    fc.assert(
      fc.property(
        fc.oneof(
          member,
          member.map((m) => ({ ...m, jsonrpc: '2.0' })),
        ),
        (candidate) => {
          const parsed = parse(candidate);
          expect(!parsed.ok || JSONRPCMessageSchema.safeParse(parsed.message).success).toBe(true);
        },
      ),
      { numRuns: 3000 },
    );
    fc.assert(fc.property(fc.string(), (text) => typeof parseMessage(text).ok === 'boolean'));
  });
});

describe('errorResponse', () => {
  it('carries the stable code where programs find it', () => {
    const response = errorResponse(
      0,
      -32001,
      new AsyncMcpError('ERR_SESSION_NOT_FOUND', 'gone', { details: { sessionId: 's' } }),
    );
    expect(response).toEqual({
      jsonrpc: '2.0',
      id: 0,
      error: { code: -32001, message: 'gone', data: { code: 'ERR_SESSION_NOT_FOUND', sessionId: 's' } },
    });
    expect(errorCodeOf(response)).toBe('ERR_SESSION_NOT_FOUND');
  });
});
