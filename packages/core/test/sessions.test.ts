import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { MemorySessionStore } from '../src/session-store.js';
import {
  FaultyStore,
  closeHosts,
  createGate,
  initialize,
  movableClock,
  serverWith,
  startHost,
  toolCall,
  until,
} from './host.js';
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';

afterEach(async () => {
  jest.useRealTimers();
  await closeHosts();
  jest.restoreAllMocks();
});

/** A server whose `close` does not end before `closed` does. */
function slowToClose(closed: Promise<void>): McpServer {
  const server = serverWith();
  const close = server.close.bind(server);
  server.close = async () => {
    await close();
    await closed;
  };
  return server;
}

describe('a session in use', () => {
  it('does not expire because it is taken up anew each time', async () => {
    const clock = movableClock();
    const store = new MemorySessionStore();
    const sessionId = await startHost({ store, sessionTtlMs: 1000 }).open();
    for (let id = 1; id <= 4; id++) {
      clock.advance(400);
      const replica = startHost({ store, sessionTtlMs: 1000 });
      void replica.receive({ message: toolCall(id), sessionId });
      await until(() => replica.answer(id) !== undefined);
      expect([id, replica.answer(id)]).toEqual([id, 'ok']);
    }
  });
});

describe('a session whose server closed itself', () => {
  it('is not live any more, even when its record could not be deleted', async () => {
    const clock = movableClock();
    const store = new FaultyStore();
    const servers: McpServer[] = [];
    const host = startHost({
      store,
      createServer: () => {
        const server = serverWith();
        servers.push(server);
        return server;
      },
    });
    const sessionId = await host.open();
    store.before = async () => {
      clock.advance(60_000); // No time is left to ask again.
      throw new Error('down');
    };
    await servers[0]?.close();
    await until(() => host.errors.length > 0);
    expect(host.errors).toMatchObject([{ code: 'ERR_SESSION_STORE' }]);
    expect(host.host.list()).toEqual([]);
    store.before = async () => {};
    const call = host.receive({ message: toolCall(1), sessionId });
    await until(() => call.settlement() === 'ack');
    expect(servers).toHaveLength(2);
    expect(host.answer(1)).toBe('ok');
  });

  it('hands nothing to that server while its record is being deleted', async () => {
    const gate = createGate();
    const store = new FaultyStore();
    const servers: McpServer[] = [];
    const host = startHost({
      store,
      createServer: () => {
        const server = serverWith();
        servers.push(server);
        return server;
      },
    });
    const sessionId = await host.open();
    store.before = (operation) => (operation === 'delete' ? gate.opened : Promise.resolve());
    await servers[0]?.close();
    const call = host.receive({ message: toolCall(1), sessionId });
    await until(() => call.settlement() === 'ack');
    expect(host.answer(1)).toBe('ERR_SESSION_NOT_FOUND');
    gate.open();
    await until(() => host.host.list().length === 0);
    expect(await store.get(sessionId)).toBeUndefined();
  });
});

describe('close()', () => {
  it('does not wait for a store that does not answer', async () => {
    const store = new FaultyStore();
    const sessionId = await startHost({ store }).open();
    const asked = createGate();
    store.before = () => {
      asked.open();
      return new Promise(() => {});
    };
    const host = startHost({ store });
    const call = host.receive({ message: toolCall(1), sessionId });
    await asked.opened;
    await host.host.close();
    await call.received;
    expect(call.settlement()).toBe('retry');
  }, 3000);

  it('does not wait for a createServer that does not answer', async () => {
    const store = new MemorySessionStore();
    const sessionId = await startHost({ store }).open();
    const asked = createGate();
    const host = startHost({
      store,
      createServer: () => {
        asked.open();
        return new Promise(() => {});
      },
    });
    const call = host.receive({ message: toolCall(1), sessionId });
    await asked.opened;
    await host.host.close();
    await call.received;
    expect(call.settlement()).toBe('retry');
  }, 3000);

  it('closes a server that createServer makes too late', async () => {
    const asked = createGate();
    const made = createGate();
    const closed = createGate();
    const server = serverWith();
    const close = server.close.bind(server);
    server.close = async () => {
      await close();
      closed.open();
    };
    const host = startHost({
      createServer: async () => {
        asked.open();
        await made.opened;
        return server;
      },
    });
    void host.receive({ message: initialize() });
    await asked.opened;
    await host.host.close();
    made.open();
    await closed.opened;
    expect(host.host.list()).toEqual([]);
  }, 3000);

  it('gives up a server that does not close in five seconds', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'queueMicrotask', 'nextTick', 'performance', 'Date'] });
    const host = startHost({ createServer: () => slowToClose(new Promise(() => {})) });
    await host.open();
    const closing = host.host.close();
    await jest.advanceTimersByTimeAsync(5000);
    await closing;
    expect(host.host.list()).toEqual([]);
  }, 3000);
});

describe('a session that is taken up from its record', () => {
  it("is not refused to its client because a stranger's message came first", async () => {
    const gate = createGate();
    const store = new FaultyStore();
    const sessionId = await startHost({ store }).open();
    store.before = (operation) => (operation === 'get' ? gate.opened : Promise.resolve());
    const host = startHost({ store });
    void host.receive({ message: toolCall(9), clientId: 'stranger', sessionId });
    void host.receive({ message: toolCall(1), sessionId });
    gate.open();
    await until(() => host.answer(9, 'stranger') !== undefined && host.answer(1) !== undefined);
    expect(host.answer(9, 'stranger')).toBe('ERR_SESSION_NOT_FOUND');
    expect(host.answer(1)).toBe('ok');
  });

  it('gets a server of its own once, however many of its messages wait for it', async () => {
    const gate = createGate();
    const store = new FaultyStore();
    const sessionId = await startHost({ store }).open();
    store.before = (operation) => (operation === 'get' ? gate.opened : Promise.resolve());
    const createServer = jest.fn(async () => serverWith());
    const host = startHost({ store, createServer });
    const ids = [1, 2, 3, 4];
    for (const id of ids) void host.receive({ message: toolCall(id), sessionId });
    gate.open();
    await until(() => ids.every((id) => host.answer(id) === 'ok'));
    expect(createServer).toHaveBeenCalledTimes(1);
  });

  it('finds room when another took the place it had made for itself', async () => {
    const store = new MemorySessionStore();
    const elsewhere = startHost({ store });
    const [first, second] = [await elsewhere.open('first'), await elsewhere.open('second')];
    const gate = createGate();
    const servers = [slowToClose(gate.opened)];
    const host = startHost({ store, maxSessions: 2, createServer: () => servers.shift() ?? serverWith() });
    const slow = await host.open('slow');
    await host.open('other');
    const call = host.receive({ message: toolCall(1), clientId: 'first', sessionId: first });
    // Its server is being closed.
    await until(() => !host.host.list().some(({ id }) => id === slow));
    void host.receive({ message: toolCall(2), clientId: 'second', sessionId: second });
    await until(() => host.answer(2, 'second') === 'ok');
    gate.open();
    await until(() => call.settlement() !== undefined);
    expect([call.settlement(), host.answer(1, 'first')]).toEqual(['ack', 'ok']);
    expect(host.host.list()).toHaveLength(2);
    expect(host.errors).toEqual([]);
  });
});

describe('a session that has ended', () => {
  it('is not put back on record by a late notifications/initialized on another replica', async () => {
    const store = new MemorySessionStore();
    const [one, other] = [startHost({ store }), startHost({ store })];
    await one.receive({ message: initialize() }).received;
    const sessionId = one.sent[0]?.sessionId ?? '';
    expect(await store.get(sessionId)).toBeDefined();
    await other.receive({ message: 'terminate', sessionId }).received;
    expect(await store.get(sessionId)).toBeUndefined();
    await one.receive({ message: { jsonrpc: '2.0', method: 'notifications/initialized' }, sessionId }).received;
    expect(await store.get(sessionId)).toBeUndefined();
    await until(() => one.host.list().length === 0);
  });

  it('is not put back on record by the writing that was under way', async () => {
    const [writing, gate] = [createGate(), createGate()];
    const store = new FaultyStore();
    store.before = (operation) => {
      if (operation !== 'put') return Promise.resolve();
      writing.open();
      return gate.opened;
    };
    const host = startHost({ store });
    void host.receive({ message: initialize() });
    await writing.opened;
    const sessionId = host.host.list()[0]?.id ?? '';
    const ending = host.host.terminate(sessionId);
    gate.open();
    expect(await ending).toBe(true);
    expect(await store.get(sessionId)).toBeUndefined();
    expect(host.host.list()).toEqual([]);
  });
});
