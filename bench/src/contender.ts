import type { Usage } from './usage.js';

/** A number of calls to make, and how many of them at a time. */
export interface Workload {
  readonly calls: number;
  readonly inFlight: number;
}

/** What the calling side has seen of a workload. */
export interface CallTimes {
  /** From the first call to the last answer, in milliseconds. */
  readonly elapsedMs: number;
  /** Of each call, in milliseconds. */
  readonly latenciesMs: readonly number[];
}

/** One workload, carried out. */
export interface Round extends CallTimes {
  readonly calls: number;
  readonly client: Usage;
  readonly server: Usage;
}

/** One of the ways to do the same work that are compared: a client and a server, each a process of its own. */
export interface Contender {
  run(workload: Workload): Promise<Round>;
  stop(): Promise<void>;
}

/** The two that a comparison runs. */
export interface Contenders {
  readonly asyncmcp: Contender;
  /** The same by hand, or by this project otherwise set. */
  readonly baseline: Contender;
}

/** What a client process can be asked, whatever the transport. */
export type ClientCommands<Connect, Load extends Workload = Workload> = {
  connect: { input: Connect; output: void };
  call: { input: Load; output: CallTimes };
  usage: { input: undefined; output: Usage };
};

/** What a server process can be asked, whatever the transport. Its clients may need to know what it starts as: its URL. */
export type ServerCommands<Start, Started = void> = {
  start: { input: Start; output: Started };
  usage: { input: undefined; output: Usage };
};

/** What a client process can be asked that stands for as many clients as it has sessions. */
export type CrowdClientCommands<Connect> = ClientCommands<Connect> & {
  /** Opens so many sessions more. Calls go to all of them by turns. */
  open: { input: number; output: void };
};

/** What a server process can be asked that holds many sessions; it must run with `--expose-gc`. */
export type CrowdServerCommands<Start, Started = void> = ServerCommands<Start, Started> & {
  /** Those that are live. */
  sessions: { input: undefined; output: number };
  /** Bytes of live objects. */
  heap: { input: undefined; output: number };
};
