import { once } from 'node:events';
import { createServer } from 'node:http';
import { until } from '@asyncmcp/testkit';
import type { IncomingHttpHeaders, RequestListener, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** One webhook as it arrived. */
export interface Hook {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** performance.now() when all of it was there. */
  readonly at: number;
}

/** Answers one webhook; the number counts from 1. */
export type Answer = (hook: Hook, response: ServerResponse, number: number) => void;

/** A real HTTP endpoint on loopback. */
export interface HookServer {
  readonly origin: string;
  /** The URL of its path /hook. */
  readonly url: string;
  readonly port: number;
  readonly hooks: readonly Hook[];
  readonly connections: number;
  answer: Answer;
  /** Resolves when so many webhooks have come. */
  received(count: number): Promise<void>;
  readonly close: () => Promise<void>;
}

/** Answers with a status, and with headers and a body where given. */
export function status(code: number, headers: Record<string, string> = {}, body = ''): Answer {
  return (_hook, response) => void response.writeHead(code, headers).end(body);
}

/** What `answers` say one after the other; the last one stays. */
export function inTurn(...answers: readonly Answer[]): Answer {
  return (hook, response, number) => answers[Math.min(number, answers.length) - 1]?.(hook, response, number);
}

/** Answers nothing before so many webhooks are there, and then all of them alike. */
export function allAtOnce(count: number, answer: Answer): Answer {
  const waiting: (() => void)[] = [];
  return (...arrival) => {
    waiting.push(() => answer(...arrival));
    if (waiting.length === count) waiting.forEach((go) => go());
  };
}

/** The same answer so many times. */
export function times(count: number, answer: Answer): readonly Answer[] {
  return Array.from({ length: count }, () => answer);
}

/** @param port - 0 for any */
export async function startHookServer(answer: Answer = status(200), port = 0): Promise<HookServer> {
  const hooks: Hook[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      const hook = { path: request.url ?? '', headers: request.headers, body, at: performance.now() };
      hooks.push(hook);
      hookServer.answer(hook, response, hooks.length);
    });
  };
  const server = createServer(listener);
  server.keepAliveTimeout = 600_000; // it is not the server that lets go
  server.on('connection', (socket) => {
    connections++;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${address.port}`;

  const hookServer: HookServer = {
    origin,
    url: `${origin}/hook`,
    port: address.port,
    hooks,
    get connections() {
      return connections;
    },
    answer,
    async received(count) {
      const message = (): string => `${count} webhooks; ${hooks.length} came`;
      await until(() => hooks.length >= count, { message, intervalMs: 2 });
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      if (!server.listening) return;
      server.close();
      await once(server, 'close');
    },
  };
  return hookServer;
}
