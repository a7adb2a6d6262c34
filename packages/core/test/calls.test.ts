import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { AsyncMcpError } from '../src/errors.js';
import { MAX_REQUEST_ID_LENGTH, isRequestId, parseMessage } from '../src/jsonrpc.js';
import { MAX_INITIALIZE_LENGTH } from '../src/refusals.js';
import { MemorySessionStore } from '../src/session-store.js';
import {
  FaultyStore,
  cancellation,
  closeHosts,
  createGate,
  initialize,
  movableClock,
  serverWith,
  settle,
  startHost,
  toolCall,
  until,
} from './host.js';
import type { Gate, TestHost } from './host.js';

afterEach(async () => {
  await closeHosts();
  jest.restoreAllMocks();
});

interface Busy {
  readonly host: TestHost;
  readonly sessionId: string;
  /** What ran, by the name of its tool. */
  readonly ran: string[];
  readonly gate: Gate;
}

/** A host with one slot, which call 1 holds; call 2 waits for it. */
async function startBusyHost(): Promise<Busy> {
  const ran: string[] = [];
  const gate = createGate();
  const mark = async (): Promise<void> => void ran.push('mark');
  const held = (): Promise<void> => {
    ran.push('held');
    return gate.opened;
  };
  const host = startHost({ concurrency: 1, createServer: () => serverWith({ held, mark }) });
  const sessionId = await host.open();
  void host.receive({ message: toolCall(1, 'held'), sessionId });
  await until(() => ran.includes('held'));
  void host.receive({ message: toolCall(2, 'mark'), sessionId });
  await until(() => host.host.list()[0]?.callsInFlight === 2);
  return { host, sessionId, ran, gate };
}

describe('a call that waits for a slot', () => {
  it('is not run when it is cancelled together with the call that has the slot', async () => {
    const { host, sessionId, ran, gate } = await startBusyHost();
    const cancellations = [1, 2].map((id) => host.receive({ message: cancellation(id), sessionId }));
    await Promise.all(cancellations.map(({ received }) => received));
    await settle();
    expect(ran).toEqual(['held']);
    expect(cancellations.map(({ settlement }) => settlement())).toEqual(['ack', 'ack']);
    // The slot is free again, once.
    await host.receive({ message: toolCall(3, 'mark'), sessionId }).received;
    expect(host.answer(3)).toBe('ok');
    gate.open();
  });

  it('is not run when its session is ended', async () => {
    const { host, sessionId, ran, gate } = await startBusyHost();
    await host.host.terminate(sessionId);
    await settle();
    expect(ran).toEqual(['held']);
    expect([host.answer(1), host.answer(2)]).toEqual(['ERR_SESSION_NOT_FOUND', 'ERR_SESSION_NOT_FOUND']);
    gate.open();
  });
});

describe('a server that pings its client while a call runs', () => {
  it('does not keep close() from letting the call finish', async () => {
    const gate = createGate();
    const servers: ReturnType<typeof serverWith>[] = [];
    const createServer = (): ReturnType<typeof serverWith> => {
      const server = serverWith({ held: () => gate.opened });
      servers.push(server);
      return server;
    };
    const host = startHost({ createServer, drainTimeoutMs: 5000 });
    const sessionId = await host.open();
    const call = host.receive({ message: toolCall(1, 'held'), sessionId });
    await until(() => host.host.list()[0]?.callsInFlight === 1);
    const pinging = servers[0]?.server.ping().catch(() => {});
    await until(() => host.sent.some(({ message }) => 'method' in message && message.method === 'ping'));
    const closing = host.host.close();
    await settle();
    expect(call.settlement()).toBeUndefined();
    gate.open();
    await closing;
    expect([call.settlement(), host.answer(1)]).toEqual(['ack', 'ok']);
    await pinging;
  });
});

describe('a server that throws when it is handed a call', () => {
  it('gives the slot back', async () => {
    const createServer = (): ReturnType<typeof serverWith> => {
      const server = serverWith();
      const connect = server.connect.bind(server);
      server.connect = async (transport) => {
        await connect(transport);
        const { onmessage } = transport;
        transport.onmessage = (message, extra) => {
          if ('id' in message && message.id === 1) throw new Error('boom');
          onmessage?.(message, extra);
        };
      };
      return server;
    };
    const host = startHost({ concurrency: 1, createServer });
    const sessionId = await host.open();
    const thrown = host.receive({ message: toolCall(1), sessionId });
    await thrown.received;
    expect(thrown.settlement()).toBe('retry');
    void host.receive({ message: toolCall(2), sessionId });
    await until(() => host.answer(2) === 'ok');
  });
});

describe('an onerror that throws', () => {
  it('does not keep a message that failed from being handled when it returns', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const store = new MemorySessionStore();
    const sessionId = await startHost({ store }).open();
    let tries = 0;
    const host = startHost({
      store,
      createServer: () => {
        if (tries++ === 0) throw new Error('not yet');
        return serverWith();
      },
      onerror: () => {
        throw new Error('onerror');
      },
    });
    const first = host.receive({ message: toolCall(1), sessionId, messageId: 'm' });
    await first.received;
    expect(first.settlement()).toBe('retry');
    expect(warn).toHaveBeenCalledTimes(1);
    const second = host.receive({ message: toolCall(1), sessionId, messageId: 'm', attempt: 2 });
    await second.received;
    await until(() => second.settlement() === 'ack');
    expect(host.answer(1)).toBe('ok');
  });
});

describe('a call that was tried too often', () => {
  it('is not dead-lettered before its caller was told', async () => {
    let down = false;
    const host = startHost({
      sending: async () => {
        if (down) throw new AsyncMcpError('ERR_UNAVAILABLE', 'throttled');
      },
    });
    const sessionId = await host.open();
    down = true;
    const unanswered = host.receive({ message: toolCall(1), sessionId, messageId: 'm', attempt: 4 });
    await unanswered.received;
    expect(unanswered.settlement()).toBe('retry');
    down = false;
    const answered = host.receive({ message: toolCall(1), sessionId, messageId: 'm', attempt: 5 });
    await answered.received;
    expect([answered.settlement(), host.answer(1)]).toEqual(['reject', 'ERR_TOO_MANY_ATTEMPTS']);
  });

  it('is not run by a copy that comes later', async () => {
    const ran: string[] = [];
    const host = startHost({ createServer: () => serverWith({ mark: async () => void ran.push('mark') }) });
    const sessionId = await host.open();
    const message = toolCall(1, 'mark');
    await host.receive({ message, sessionId, messageId: 'm', attempt: 4 }).received;
    const copy = host.receive({ message, sessionId, messageId: 'm' });
    await copy.received;
    await settle();
    expect(ran).toEqual([]);
    expect([copy.settlement(), host.answer(1)]).toEqual(['ack', 'ERR_TOO_MANY_ATTEMPTS']);
  });
});

describe('an initialize whose session cannot be put on record', () => {
  it('comes back, and whoever runs the server hears why', async () => {
    const clock = movableClock();
    const store = new FaultyStore();
    store.before = async (operation) => {
      clock.advance(60_000); // No time is left to ask again.
      if (operation === 'put') throw new Error('the disk is full');
    };
    const host = startHost({ store });
    const opening = host.receive({ message: initialize() });
    await until(() => opening.settlement() === 'retry');
    expect(host.errors).toMatchObject([{ code: 'ERR_SESSION_STORE', message: /on record/ }]);
    expect(host.host.list()).toEqual([]);
  });
});

describe('a call that fails before it runs, for the last time', () => {
  it('tells its caller that the store failed', async () => {
    const clock = movableClock();
    const store = new FaultyStore();
    const sessionId = await startHost({ store }).open();
    store.before = async () => {
      clock.advance(60_000); // No time is left to ask again.
      throw new Error('down');
    };
    const host = startHost({ store });
    const early = host.receive({ message: toolCall(1), sessionId, attempt: 2 });
    await early.received;
    expect([early.settlement(), host.answer(1)]).toEqual(['retry', undefined]);
    const last = host.receive({ message: toolCall(1), sessionId, attempt: 3 });
    await last.received;
    expect([last.settlement(), host.answer(1)]).toEqual(['ack', 'ERR_SESSION_STORE']);
  });

  it.each([
    ['for the last time, of a caller that can only be told through its session', 3, true],
    ['once more than it may, of a caller that names its address', 4, false],
    ['once more than it may, of a caller that can only be told through its session', 4, true],
  ])('comes again while the store is down: a call that came %s', async (_name, attempt, namesNoAddress) => {
    const clock = movableClock();
    const store = new FaultyStore();
    const sessionId = await startHost({ store }).open();
    const host = startHost({ store });
    store.before = async () => {
      clock.advance(60_000); // No time is left to ask again.
      throw new Error('down');
    };
    const call = { message: toolCall(1), sessionId, messageId: 'm', namesNoAddress };
    const down = host.receive({ ...call, attempt });
    await down.received;
    expect([down.settlement(), host.answer(1)]).toEqual(['retry', undefined]);
    store.before = async () => {};
    const up = host.receive({ ...call, attempt: attempt + 1 });
    await up.received;
    expect([up.settlement(), host.answer(1)]).toEqual(['reject', 'ERR_TOO_MANY_ATTEMPTS']);
  });

  it('tells its caller that there are too many sessions', async () => {
    const gate = createGate();
    const store = new MemorySessionStore();
    const sessionId = await startHost({ store }).open();
    const host = startHost({ store, maxSessions: 1, createServer: () => serverWith({ held: () => gate.opened }) });
    const other = await host.open('other');
    void host.receive({ message: toolCall(5, 'held'), clientId: 'other', sessionId: other });
    await until(() => host.host.list()[0]?.callsInFlight === 1);
    const last = host.receive({ message: toolCall(1), sessionId, attempt: 3 });
    await last.received;
    expect([last.settlement(), host.answer(1)]).toEqual(['ack', 'ERR_SESSION_LIMIT']);
    gate.open();
  });
});

describe('an answer that cannot be sent', () => {
  it('is kept for as long as its call comes back, however long that takes', async () => {
    const clock = movableClock();
    let runs = 0;
    let down = true;
    const host = startHost({
      createServer: () => serverWith({ counted: async () => void runs++ }),
      sending: async ({ message }) => {
        if (down && 'id' in message && message.id === 1) throw new AsyncMcpError('ERR_UNAVAILABLE', 'away');
      },
    });
    const sessionId = await host.open();
    for (let attempt = 1; attempt <= 6; attempt++) {
      const tried = host.receive({ message: toolCall(1, 'counted'), sessionId, messageId: 'm', attempt });
      await until(() => tried.settlement() !== undefined);
      expect(tried.settlement()).toBe('retry');
      clock.advance(4 * 60_000);
    }
    down = false;
    const last = host.receive({ message: toolCall(1, 'counted'), sessionId, messageId: 'm', attempt: 7 });
    await until(() => last.settlement() !== undefined);
    expect([last.settlement(), host.answer(1), runs]).toEqual(['ack', 'ok', 1]);
  });
});

describe('what strangers choose and a server keeps', () => {
  it('is bounded: request ids', () => {
    const longest = 'x'.repeat(MAX_REQUEST_ID_LENGTH);
    expect([isRequestId(longest), isRequestId(`${longest}x`)]).toEqual([true, false]);
    const request = (id: string): string => JSON.stringify({ jsonrpc: '2.0', id, method: 'ping' });
    expect(parseMessage(request(longest)).ok).toBe(true);
    expect(parseMessage(request(`${longest}x`))).toMatchObject({ ok: false, code: -32600 });
    const token = JSON.stringify({ jsonrpc: '2.0', method: 'x', params: { _meta: { progressToken: `${longest}x` } } });
    expect(parseMessage(token).ok).toBe(false);
  });

  it('is bounded: what initialize declares', async () => {
    const createServer = jest.fn(() => serverWith());
    const host = startHost({ createServer });
    const message = initialize({ experimental: { x: { y: 'z'.repeat(MAX_INITIALIZE_LENGTH) } } });
    const refused = host.receive({ message });
    await refused.received;
    expect([refused.settlement(), host.answer(0)]).toEqual(['ack', 'ERR_MESSAGE_TOO_LARGE']);
    expect(createServer).not.toHaveBeenCalled();
  });
});
