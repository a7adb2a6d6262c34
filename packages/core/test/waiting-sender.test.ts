import { afterEach, describe, expect, it } from '@jest/globals';
import { AsyncMcpError } from '../src/errors.js';
import { closeHosts, createGate, inbound, initialize, serverWith, settle, startHost, toolCall, until } from './host.js';
import type { TestHost } from './host.js';

afterEach(closeHosts);

/** A sender that waits for its message to be taken or refused, and is not sent a reply for what is refused. */
describe('a sender that waits', () => {
  it('hears of the session that it opens, while its reply goes the usual way', async () => {
    const host = startHost();
    const handled = host.receive({ message: initialize(), waits: true });
    await until(() => host.answer(0) === 'ok');
    expect(handled.told).toEqual([host.sent[0]?.sessionId]);
    expect(handled.settlement()).toBe('ack');
  });

  it('hears that its call is taken before it is done', async () => {
    const gate = createGate();
    const host = startHost({ createServer: () => serverWith({ slow: () => gate.opened }) });
    const sessionId = await host.open();
    const handled = host.receive({ message: toolCall(1, 'slow'), sessionId, waits: true });
    await until(() => handled.told.length === 1);
    expect(handled.told).toEqual([sessionId]);
    expect(handled.settlement()).toBeUndefined();
    gate.open();
    await until(() => handled.settlement() === 'ack');
  });

  it('hears that its call is taken while it waits for its turn', async () => {
    const gate = createGate();
    const host = startHost({ concurrency: 1, createServer: () => serverWith({ slow: () => gate.opened }) });
    const sessionId = await host.open();
    void host.receive({ message: toolCall(1, 'slow'), sessionId });
    const handled = host.receive({ message: toolCall(2), sessionId, waits: true });
    await until(() => handled.told.length === 1);
    expect(host.answer(2)).toBeUndefined();
    gate.open();
    await until(() => host.answer(2) === 'ok');
  });

  it('is told of a copy what it was told of the first, while the call runs and afterwards', async () => {
    const gate = createGate();
    const host = startHost({ createServer: () => serverWith({ slow: () => gate.opened }) });
    const sessionId = await host.open();
    const message = { message: toolCall(1, 'slow'), sessionId, messageId: 'one', waits: true };
    host.receive(message);
    const second = host.receive(message);
    await second.received;
    expect(second.told).toEqual([`again ${sessionId}`]);
    expect(host.host.knows(inbound(message))).toBe(true);
    gate.open();
    await until(() => host.answer(1) === 'ok');
    expect(host.host.knows(inbound(message))).toBe(true);
    expect(host.host.knows(inbound({ ...message, messageId: 'another' }))).toBe(false);
    const third = host.receive(message);
    await third.received;
    expect(third.told).toEqual([`again ${sessionId}`]);
    const answers = host.sent.filter(({ message: sent }) => 'id' in sent && sent.id === 1);
    expect(answers).toHaveLength(2);
    // Two sends: what is sent again under an id that was received is thrown away, or taken for a replay.
    expect(new Set(answers.map(({ messageId }) => messageId)).size).toBe(2);
  });

  it.each([
    ['a call of an unknown session', { message: toolCall(1), sessionId: 'nobody' }, 'ERR_SESSION_NOT_FOUND'],
    ['a call without a session', { message: toolCall(1) }, 'ERR_SESSION_REQUIRED'],
    [
      'a notification for an unknown session',
      { message: { jsonrpc: '2.0', method: 'notifications/initialized' } as const, sessionId: 'nobody' },
      'ERR_SESSION_NOT_FOUND',
    ],
    ['the end of an unknown session', { message: 'terminate' as const, sessionId: 'nobody' }, 'ERR_SESSION_NOT_FOUND'],
    ['a call that was tried too often', { message: toolCall(1), attempt: 4 }, 'ERR_TOO_MANY_ATTEMPTS'],
  ])('hears at once that %s is refused, and is sent nothing', async (_what, message, code) => {
    const host = startHost();
    const handled = host.receive({ ...message, waits: true });
    await handled.received;
    expect(handled.told).toEqual([code]);
    expect(handled.settlement()).toBe('ack');
    expect(host.sent).toEqual([]);
  });

  it('is asked to come again when its session cannot be opened for now', async () => {
    const host = startHost({
      createServer: () => {
        throw new Error('not yet');
      },
    });
    const handled = host.receive({ message: initialize(), waits: true });
    await handled.received;
    expect([handled.told, handled.settlement()]).toEqual([[], 'retry']);
  });

  it('hears nothing more once its call was taken: the error goes the usual way', async () => {
    const gate = createGate();
    const host = startHost({ createServer: () => serverWith({ slow: () => gate.opened }) });
    const sessionId = await host.open();
    const handled = host.receive({ message: toolCall(1, 'slow'), sessionId, waits: true });
    await until(() => handled.told.length === 1);
    await host.host.terminate(sessionId);
    expect(host.answer(1)).toBe('ERR_SESSION_NOT_FOUND');
    expect(handled.told).toEqual([sessionId]);
    gate.open();
  });
});

describe('a reply that can never be delivered', () => {
  it('is not tried again, and reported', async () => {
    const sending = async (): Promise<void> => {
      throw new AsyncMcpError('ERR_DELIVERY_FAILED', 'tried for a quarter of an hour');
    };
    const host = startHost({ sending });
    const handled = host.receive({ message: initialize() });
    await until(() => handled.settlement() === 'reject');
    expect(host.errors.map(({ code }) => code)).toEqual(['ERR_DELIVERY_FAILED']);
  });
});

describe('a session that was opened by a principal', () => {
  async function openAs(host: TestHost, principal: string): Promise<string> {
    await host.receive({ message: initialize(), principal }).received;
    const sessionId = host.sent[0]?.sessionId;
    if (sessionId === undefined) throw new Error('no session was opened');
    return sessionId;
  }

  it.each([
    ['another', 'mallory'],
    ['none', undefined],
  ])('serves %s as if there were no such session', async (_who, principal) => {
    const host = startHost();
    const sessionId = await openAs(host, 'alice');
    const stranger = principal === undefined ? {} : { principal };
    const calls = [toolCall(1), 'terminate' as const].map((message) =>
      host.receive({ message, sessionId, waits: true, ...stranger }),
    );
    await Promise.all(calls.map(({ received }) => received));
    expect(calls.map(({ told }) => told)).toEqual([['ERR_SESSION_NOT_FOUND'], ['ERR_SESSION_NOT_FOUND']]);
    void host.receive({ message: toolCall(2), sessionId, principal: 'alice' });
    await until(() => host.answer(2) === 'ok');
  });

  it('does not repeat its answers to another', async () => {
    const host = startHost();
    const sessionId = await openAs(host, 'alice');
    const message = { message: toolCall(1), sessionId, messageId: 'one' };
    void host.receive({ ...message, principal: 'alice' });
    await until(() => host.answer(1) === 'ok');
    const before = host.sent.length;
    const handled = host.receive({ ...message, principal: 'mallory', waits: true });
    await handled.received;
    await settle();
    expect(handled.told).toEqual(['ERR_SESSION_NOT_FOUND']);
    expect(host.sent).toHaveLength(before);
  });
});

describe('a message that names no session', () => {
  it('is of the session the transport knows of, unless it opens one or probes', async () => {
    const sessions: string[] = [];
    const host = startHost({ sessionOf: () => sessions[0] });
    sessions.push(await host.open());
    const call = host.receive({ message: toolCall(1), waits: true });
    await until(() => host.answer(1) === 'ok');
    expect(call.told).toEqual(sessions);
    const opening = host.receive({ message: { ...initialize(), id: 7 }, waits: true });
    await until(() => host.answer(7) === 'ok');
    expect(opening.told).not.toEqual(sessions);
    const probe = { jsonrpc: '2.0', id: 'probe', method: 'server/discover' } as const;
    const probing = host.receive({ message: probe, waits: true });
    await probing.received;
    expect(probing.told).toEqual(['ERR_SESSION_REQUIRED']);
  });
});
