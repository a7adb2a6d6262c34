import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

export interface SocketCount {
  readonly open: number;
  /** Most that were open at once. */
  readonly peak: number;
}

/**
 * Counts the sockets of this process from now on, those that listen not included. Node's list of active resources would leave out
 * those that undici keeps for later: they are unref'd.
 */
export function countSockets(): () => SocketCount {
  let open = 0;
  let peak = 0;
  const count = (message: unknown): void => {
    const { socket } = message as { socket: Socket };
    open += 1;
    peak = Math.max(peak, open);
    socket.once('close', () => {
      open -= 1;
    });
  };
  subscribe('net.client.socket', count);
  subscribe('net.server.socket', count);
  return () => ({ open, peak });
}
