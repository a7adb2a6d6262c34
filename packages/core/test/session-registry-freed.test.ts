import { describe, expect, it } from '@jest/globals';
import { silentLogger } from '../src/logger.js';
import { SessionRegistry } from '../src/session-registry.js';
import { MemorySessionStore } from '../src/session-store.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { ServerLike } from '../src/session.js';

/** A store whose next `touch` waits until the test lets it go on. */
class GatedStore extends MemorySessionStore {
  readonly asked: Promise<void>;
  letGo: () => void = () => {};
  #onAsked: () => void = () => {};
  readonly #open: Promise<void>;

  constructor() {
    super();
    this.asked = new Promise((resolve) => {
      this.#onAsked = resolve;
    });
    this.#open = new Promise((resolve) => {
      this.letGo = resolve;
    });
  }

  override async touch(id: string, lastSeenAt: number, ttlMs: number): Promise<boolean> {
    const touched = await super.touch(id, lastSeenAt, ttlMs);
    this.#onAsked();
    await this.#open;
    return touched;
  }
}

/** A server that answers nothing but `initialize`. */
function createServer(): ServerLike {
  let transport: Transport | undefined;
  return {
    async connect(given) {
      transport = given;
      given.onmessage = (message) => {
        if ('id' in message && 'method' in message) void given.send({ jsonrpc: '2.0', id: message.id, result: {} });
      };
      await given.start();
    },
    close: async () => transport?.close(),
  };
}

function createRegistry(store: GatedStore): SessionRegistry {
  return new SessionRegistry({
    store,
    createServer,
    logger: silentLogger,
    maxSessions: 10,
    idleTimeoutMs: 60_000,
    ttlMs: 60_000,
    owner: {
      onServerMessage: async () => {},
      onServerClosed: () => {},
      onFreed: () => {},
      isListening: () => false,
    },
  });
}

async function openSession(registry: SessionRegistry): Promise<string> {
  const initializeParams = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'x', version: '1' } };
  const session = await registry.create({ replyTo: 'replies', initializeParams });
  await registry.commit(session, { initialized: true });
  session.confirmedAt = 0; // Long ago: the store will be asked.
  return session.id;
}

describe('a session that is looked for while the store is asked about it', () => {
  it('is taken up again when its live server was freed meanwhile', async () => {
    const store = new GatedStore();
    const registry = createRegistry(store);
    const id = await openSession(registry);
    const [freed] = registry.live;
    const finding = registry.find(id, {});
    await store.asked;
    if (freed !== undefined) await registry.release(freed);
    store.letGo();
    const found = await finding;
    expect(found?.id).toBe(id);
    expect(found).not.toBe(freed);
    expect(registry.live).toEqual([found]);
    await registry.close();
  });

  it('is not found when it was ended meanwhile', async () => {
    const store = new GatedStore();
    const registry = createRegistry(store);
    const id = await openSession(registry);
    const finding = registry.find(id, {});
    await store.asked;
    await registry.remove(id);
    store.letGo();
    expect(await finding).toBeUndefined();
    await registry.close();
  });
});
