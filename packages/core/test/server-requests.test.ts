import { describe, expect, it } from '@jest/globals';
import { ServerRequests } from '../src/server-requests.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';

const A = 'aaaaaaaaaaaaaaaa';
const B = 'bbbbbbbbbbbbbbbb';

function idOf(message: JSONRPCMessage): unknown {
  return 'id' in message ? message.id : undefined;
}

describe('ServerRequests', () => {
  it('lets two replicas have a request 0 open at the same client', () => {
    const [a, b] = [new ServerRequests(A), new ServerRequests(B)];
    const request = { jsonrpc: '2.0', id: 0, method: 'sampling/createMessage', params: {} } as const;
    const [fromA, fromB] = [a.outgoing(request, () => {}), b.outgoing(request, () => {})];
    expect(idOf(fromA)).not.toEqual(idOf(fromB));
    const answerToB = { jsonrpc: '2.0', id: String(idOf(fromB)), result: { ok: true } } as const;
    expect(a.incoming(answerToB)).toEqual({ kind: 'foreign' });
    expect(b.incoming(answerToB)).toEqual({ kind: 'ours', message: { jsonrpc: '2.0', id: 0, result: { ok: true } } });
    expect([a.size, b.size]).toEqual([1, 0]);
  });

  it('answers a request once', () => {
    let done = 0;
    const requests = new ServerRequests(A);
    const sent = requests.outgoing({ jsonrpc: '2.0', id: 5, method: 'ping' }, () => done++);
    const answer = { jsonrpc: '2.0', id: String(idOf(sent)), result: {} } as const;
    expect(requests.incoming(answer).kind).toBe('ours');
    expect(requests.incoming(answer).kind).toBe('unknown');
    expect(done).toBe(1);
  });

  it('translates progress tokens there and back', () => {
    const requests = new ServerRequests(A);
    const sent = requests.outgoing(
      { jsonrpc: '2.0', id: 3, method: 'x', params: { _meta: { progressToken: 3 } } },
      () => {},
    );
    expect(sent).toMatchObject({ params: { _meta: { progressToken: idOf(sent) } } });
    const progress = {
      jsonrpc: '2.0',
      method: 'notifications/progress',
      params: { progressToken: String(idOf(sent)), progress: 1 },
    } as const;
    expect(requests.incoming(progress)).toMatchObject({
      kind: 'ours',
      message: { params: { progressToken: 3, progress: 1 } },
    });
    expect(requests.size).toBe(1);
  });

  it('names the wire id when the server gives a request up', () => {
    let done = 0;
    const requests = new ServerRequests(A);
    const sent = requests.outgoing({ jsonrpc: '2.0', id: 0, method: 'ping' }, () => done++);
    const cancelled = requests.outgoing(
      { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 0 } },
      () => {},
    );
    expect(cancelled).toMatchObject({ params: { requestId: idOf(sent) } });
    expect([requests.size, done]).toEqual([0, 1]);
  });

  it.each(['x', `${B}:x`, ':1', 'aaaaaaaaaaaaaaaa:'])("takes %s for nobody's id", (id) => {
    expect(new ServerRequests(A).incoming({ jsonrpc: '2.0', id, result: {} }).kind).toBe('unknown');
  });
});
