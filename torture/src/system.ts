import type { ModuleProcess } from '@asyncmcp/testkit';
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

/** What a process of callers is told when it starts. */
export interface CallersStart {
  /** Its number, which no other has: what its calls are called by begins with it. */
  readonly nth: number;
  /** Its place: what took it before is gone. */
  readonly place: number;
  readonly seed: number;
  /** MCP clients, and the calls that each has under way. */
  readonly callers: number;
  readonly inFlight: number;
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
  startServer(start: ServerStart): Promise<ModuleProcess>;
  /** A server is no more. */
  serverStopped?(server: ModuleProcess): void;
  /** Resolves when its callers are connected; they have begun with their calls. */
  startCallers(start: CallersStart): Promise<ModuleProcess>;
  /** A process of callers is no more. */
  callersStopped?(callers: ModuleProcess): void;
  /** What can be done to it. */
  readonly faults: Faults;
  /** What can be done to the callers, who do it to themselves when they are told: names of faults. */
  readonly callersFaults: readonly string[];
  /** Without those that servers and callers have met with themselves. */
  happened(): FaultCounts;
  /** Nothing more goes wrong. */
  calm?(): void;
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

/** The argument of a process of callers. */
export interface CallersArguments extends CallersStart {
  readonly transport: string;
  readonly [option: string]: unknown;
}

/** What the parent of a process sends it when nothing more is to go wrong. */
export const CALM = 'calm';

/** What it sends callers that are to make no more calls; they tell when those under way have ended. */
export const FINISH = 'finish';

/** What it sends callers that a fault is to meet. */
export interface CallersFault {
  readonly fault: string;
  /** What else there is to decide. */
  readonly strength: number;
}

/** The sum of all, without what never was. */
export function addCounts(all: readonly FaultCounts[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const [name, count] of all.flatMap((one) => Object.entries(one))) {
    if (count > 0) sum[name] = (sum[name] ?? 0) + count;
  }
  return sum;
}
