import { setTimeout as sleep } from 'node:timers/promises';
import { CALM, addCounts } from './system.js';
import type { ExitStatus, ModuleProcess } from '@asyncmcp/testkit';
import type { Dice } from './dice.js';
import type { Ledger } from './ledger.js';
import type { FaultCounts, ServerStart, System } from './system.js';

export const KILLED = 'server killed';
export const TOLD_TO_END = 'server told to end';

/** Who is told to end has done so after this, in milliseconds; draining takes three seconds. */
const ENDS_WITHIN_MS = 20_000;

/** The servers of a run. The first is never touched, so that its memory can be watched. */
export class Crew {
  /** What they reported, by code. */
  readonly errors = new Map<string, number>();
  /** The heap of the first, in MiB. */
  readonly memory: number[] = [];
  /** What none of them should do. */
  readonly problems: string[] = [];
  readonly #system: System;
  readonly #ledger: Ledger;
  readonly #start: Omit<ServerStart, 'watched'>;
  readonly #all = new Set<ModuleProcess>();
  /** Those that may be killed. */
  readonly #mortals: ModuleProcess[] = [];
  readonly #told = new Map<ModuleProcess, NodeJS.Signals>();
  readonly #faults = new Map<ModuleProcess, FaultCounts>();
  readonly #ends: Record<string, number> = {};
  #started = 0;
  #over = false;

  constructor(system: System, ledger: Ledger, start: Omit<ServerStart, 'watched'>) {
    this.#system = system;
    this.#ledger = ledger;
    this.#start = start;
  }

  async start(): Promise<void> {
    // Before anything is awaited: which of them is ready first is chance.
    const nth = this.#started++;
    const watched = nth === 0;
    try {
      const server = await this.#system.startServer({ ...this.#start, seed: this.#start.seed + nth, watched });
      this.#all.add(server);
      if (!watched) this.#mortals.push(server);
      void this.#follow(server);
      void server.exited.then((status) => this.#onExit(server, status));
      if (this.#over) await this.#end(server, 'SIGKILL');
    } catch (error) {
      this.problems.push(`A server did not start: ${String(error)}`);
    }
  }

  /** Ends one of the servers, and starts another a little later. */
  async replaceOne(dice: Dice, signal: NodeJS.Signals): Promise<void> {
    if (this.#mortals.length === 0) return;
    const [server] = this.#mortals.splice(dice.between(0, this.#mortals.length - 1), 1);
    if (server === undefined) return;
    const kind = signal === 'SIGKILL' ? KILLED : TOLD_TO_END;
    this.#ends[kind] = (this.#ends[kind] ?? 0) + 1;
    if (signal === 'SIGKILL') this.#system.stopped?.(server);
    const exited = this.#end(server, signal);
    await sleep(dice.between(50, 1000));
    if (signal === 'SIGTERM') this.#system.stopped?.(server);
    await Promise.all([this.start(), exited]);
  }

  /** How often servers were ended, and what they have met with themselves. */
  happened(): Record<string, number> {
    return addCounts([this.#ends, ...this.#faults.values()]);
  }

  /** Nothing more goes wrong. */
  calm(): void {
    for (const server of this.#all) server.process.send?.(CALM, () => {});
  }

  async end(): Promise<void> {
    this.#over = true;
    await Promise.all([...this.#all].map((server) => this.#end(server, 'SIGKILL')));
  }

  async #end(server: ModuleProcess, signal: NodeJS.Signals): Promise<void> {
    this.#told.set(server, signal);
    this.#ledger.killed(server.process.pid ?? -1, signal === 'SIGKILL');
    const tooLate = setTimeout(() => {
      this.problems.push(`Server ${server.process.pid ?? -1} was told to end, and did not. ${wrote(server)}`);
      void this.#end(server, 'SIGKILL');
    }, ENDS_WITHIN_MS);
    await server.kill(signal);
    clearTimeout(tooLate);
  }

  #onExit(server: ModuleProcess, { code, signal }: ExitStatus): void {
    const pid = server.process.pid ?? -1;
    const told = this.#told.get(server);
    this.#ledger.gone(pid);
    this.#all.delete(server);
    if (told === 'SIGKILL' || (told === 'SIGTERM' && code === 0)) return;
    this.#system.stopped?.(server);
    const index = this.#mortals.indexOf(server);
    if (index !== -1) this.#mortals.splice(index, 1);
    const how = signal ?? `exit code ${code ?? 'unknown'}`;
    const why = told === undefined ? 'ended by itself' : `was told to end, and ended otherwise`;
    this.problems.push(`Server ${pid} ${why} (${how}). ${wrote(server)}`);
  }

  /** Until it ends. */
  async #follow(server: ModuleProcess): Promise<void> {
    for (;;) {
      const line = await server.nextLine(() => true, { timeoutMs: 2 ** 31 - 1 }).catch(() => undefined);
      if (line === undefined) return;
      const { event, code } = line;
      if (event === 'run') this.#ledger.executed(String(line['marker']), Number(line['pid']), Number(line['at']));
      const [pid, at] = [Number(line['pid']), Number(line['at'])];
      const markers = (line['markers'] ?? []) as readonly string[];
      if (event === 'received') for (const marker of markers) this.#ledger.received(marker, pid, at);
      if (event === 'deleted') for (const marker of markers) this.#ledger.deleted(marker, pid, at);
      if (event === 'error') this.errors.set(String(code), (this.errors.get(String(code)) ?? 0) + 1);
      if (event === 'faults') this.#faults.set(server, line['counts'] as FaultCounts);
      if (event === 'memory') this.memory.push(Number(line['heap']) / 2 ** 20);
    }
  }
}

function wrote(server: ModuleProcess): string {
  return `It wrote:\n${server.output || '(nothing)'}`;
}
