/** The user's MCP servers alone: each connected to a transport that does nothing, and through its handshake. */
import { answerParent } from './answer-parent.js';
import { createEchoServer } from './echo-server.js';
import { INITIALIZED, initializeRequest } from './handshake.js';
import { liveHeap } from './heap.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';

export type BareServersCommands = {
  add: { input: number; output: void };
  /** Bytes. */
  heap: { input: undefined; output: number };
};

const servers: unknown[] = [];

answerParent<BareServersCommands>({
  async add(count) {
    for (let added = 0; added < count; added++) {
      const server = createEchoServer();
      await connect(server);
      servers.push(server);
    }
  },
  heap: liveHeap,
});

async function connect(server: ReturnType<typeof createEchoServer>): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const transport: Transport = {
      start: () => Promise.resolve(),
      close: () => Promise.resolve(),
      // The only message is the answer to initialize.
      send: () => Promise.resolve(resolve()),
    };
    server.connect(transport).then(() => transport.onmessage?.(initializeRequest(0)), reject);
  });
  server.server.transport?.onmessage?.(INITIALIZED);
}
