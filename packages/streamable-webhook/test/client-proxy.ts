import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** A wire of one's own between two ends: bytes go through as they are, until it is cut or holds them back. */
export interface Wire {
  readonly url: string;
  /** Breaks off every connection there is. */
  cut(): void;
  /** Holds back all that is answered, on every connection, until what it returns is called. */
  hold(): () => void;
  close(): Promise<void>;
}

/** @param target - the URL of the other end */
export async function startWire(target: string): Promise<Wire> {
  const { hostname, port } = new URL(target);
  const pairs = new Set<readonly [Socket, Socket]>();
  let held = false;

  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    const pair = [near, far] as const;
    pairs.add(pair);
    for (const [socket, other] of [pair, [far, near] as const]) {
      socket.on('error', () => {});
      socket.once('close', () => {
        other.destroy();
        pairs.delete(pair);
      });
    }
    near.on('data', (chunk) => far.write(chunk));
    far.on('data', (chunk) => near.write(chunk));
    if (held) far.pause();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const cut = (): void => {
    for (const [near] of pairs) near.destroy();
  };
  return {
    url,
    cut,
    hold() {
      held = true;
      for (const [, far] of pairs) far.pause();
      return () => {
        held = false;
        for (const [, far] of pairs) far.resume();
      };
    },
    async close() {
      server.close();
      cut();
    },
  };
}
