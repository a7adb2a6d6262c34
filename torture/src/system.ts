import type { ModuleProcess } from '@asyncmcp/testkit';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { Dice } from './dice.js';

/** What a server process is told when it starts. */
export interface ServerStart {
  readonly storeDirectory: string;
  /** For the faults that a server meets with itself. */
  readonly seed: number;
}

/** One transport with all that it needs, and what can go wrong with it. */
export interface System {
  readonly name: string;
  /** What servers call their tool, under each way in which it is answered. */
  readonly tools: readonly string[];
  startServer(start: ServerStart): Promise<ModuleProcess>;
  /** A server is no more. */
  stopped?(server: ModuleProcess): void;
  createTransport(index: number): Promise<Transport>;
  /** What can be done to it, by name. Each resolves when it is over. */
  readonly faults: Readonly<Record<string, (dice: Dice) => void | Promise<void>>>;
  /** What a caller may be told where servers are killed again and again, or told to end: codes of errors. */
  readonly errors: readonly string[];
  /** Those of the faults that nothing gets through. */
  readonly outages: readonly string[];
  close(): Promise<void>;
}

/** The argument of a server process. */
export interface ServerArguments extends ServerStart {
  readonly transport: string;
  readonly [option: string]: unknown;
}
