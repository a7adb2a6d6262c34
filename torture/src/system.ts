import type { ModuleProcess } from '@asyncmcp/testkit';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { Dice } from './dice.js';

/** What a server process is told when it starts. */
export interface ServerStart {
  readonly storeDirectory: string;
  /** For the faults that a server meets with itself. */
  readonly seed: number;
  /** Which of them there are, by their names: a regular expression. */
  readonly only: string;
  /** It reports its heap. */
  readonly watched: boolean;
}

/** How often each fault has met something, by its name. */
export type FaultCounts = Readonly<Record<string, number>>;

/** What can happen, by name. Resolves when it is over; rejects when something did that never should. */
export type Faults = Readonly<Record<string, (dice: Dice) => void | Promise<void>>>;

/** One transport with all that it needs, and what can go wrong with it. */
export interface System {
  readonly name: string;
  /** What servers call their tool, under each way in which it is answered. */
  readonly tools: readonly string[];
  startServer(start: ServerStart): Promise<ModuleProcess>;
  /** A server is no more. */
  stopped?(server: ModuleProcess): void;
  createTransport(index: number): Promise<Transport>;
  /** What can be done to it. */
  readonly faults: Faults;
  /** Without those that servers have met with themselves. */
  happened(): FaultCounts;
  /** Nothing more goes wrong. */
  calm(): void;
  /** How many copies of a call there were at most, that of one marker; Infinity where nobody can tell. */
  copiesOf(marker: string): number;
  /** How many of all calls together, given the faults that servers met with themselves, and what they reported. */
  copies(metByServers: FaultCounts, reported: FaultCounts): number;
  /** How late a second answer may come, in milliseconds. */
  readonly lateMs: number;
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

/** What the parent of a server process sends it when nothing more is to go wrong. */
export const CALM = 'calm';

/** The sum of all, without what never was. */
export function addCounts(all: readonly FaultCounts[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const [name, count] of all.flatMap((one) => Object.entries(one))) {
    if (count > 0) sum[name] = (sum[name] ?? 0) + count;
  }
  return sum;
}
