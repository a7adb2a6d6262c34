import { setTimeout as sleep } from 'node:timers/promises';
import { CALM, addCounts } from './system.js';
import type { ExitStatus, JsonLine, ModuleProcess } from '@asyncmcp/testkit';
import type { Dice } from './dice.js';
import type { FaultCounts } from './system.js';

/** Who is told to end has done so after this, in milliseconds; draining takes three seconds. */
const ENDS_WITHIN_MS = 20_000;

/** Which one of a crew is started. */
export interface Recruit {
  /** Its number: no other ever has the same. */
  readonly nth: number;
  /** Whose place it takes: who is ended is replaced by another in the same one. */
  readonly place: number;
  /** It reports its heap, and is never touched. */
  readonly watched: boolean;
}

/** What the processes of a crew are, and who is told of them. */
export interface Trade {
  /** What one is called: 'server', say. */
  readonly name: string;
  start(recruit: Recruit): Promise<ModuleProcess>;
  /** One that is being told to end. */
  ending?(pid: number, signal: NodeJS.Signals): void;
  /** From now on nothing is to be sent to it. */
  stopped?(member: ModuleProcess): void;
  /** It has ended, and all that it has told was heard. */
  gone?(pid: number): void;
  /** Something that it has told: all but errors, faults, and how large its heap is. */
  told?(line: JsonLine): void;
}

/** Processes of one kind, for as long as a run takes. The first is never touched, so that its memory can be watched. */
export class Crew {
  /** What they reported, by code. */
  readonly errors = new Map<string, number>();
  /** The heap of the first, in MiB. */
  readonly memory: number[] = [];
  /** What none of them should do. */
  readonly problems: string[] = [];
  readonly #trade: Trade;
  readonly #all = new Set<ModuleProcess>();
  /** Those that may be ended, and the place of each. */
  readonly #mortals: { readonly member: ModuleProcess; readonly place: number }[] = [];
  readonly #told = new Map<ModuleProcess, NodeJS.Signals>();
  readonly #faults = new Map<ModuleProcess, FaultCounts>();
  readonly #ends: Record<string, number> = {};
  #started = 0;
  #over = false;

  constructor(trade: Trade) {
    this.#trade = trade;
  }

  /** Those that are there now. */
  get members(): readonly ModuleProcess[] {
    return [...this.#all];
  }

  /** @param place - default: a new one */
  async start(place?: number): Promise<void> {
    // Before anything is awaited: which of them is ready first is chance.
    const nth = this.#started++;
    const watched = nth === 0;
    try {
      const member = await this.#trade.start({ nth, place: place ?? nth, watched });
      this.#all.add(member);
      if (!watched) this.#mortals.push({ member, place: place ?? nth });
      const heard = this.#follow(member);
      void member.exited.then(async (status) => {
        this.#onExit(member, status);
        await heard;
        this.#trade.gone?.(pidOf(member));
      });
      if (this.#over) await this.#end(member, 'SIGKILL');
    } catch (error) {
      this.problems.push(`A ${this.#trade.name} did not start: ${String(error)}`);
    }
  }

  /** Ends one of them, and starts another a little later. */
  async replaceOne(dice: Dice, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    if (this.#mortals.length === 0) return;
    const [chosen] = this.#mortals.splice(dice.between(0, this.#mortals.length - 1), 1);
    if (chosen === undefined) return;
    const { member, place } = chosen;
    const kind = endOf(this.#trade.name, signal);
    this.#ends[kind] = (this.#ends[kind] ?? 0) + 1;
    if (signal === 'SIGKILL') this.#trade.stopped?.(member);
    const exited = this.#end(member, signal);
    await sleep(dice.between(50, 1000));
    if (signal === 'SIGTERM') this.#trade.stopped?.(member);
    await Promise.all([this.start(place), exited]);
  }

  /** How often some were ended, and what they have met with themselves. */
  happened(): Record<string, number> {
    return addCounts([this.#ends, ...this.#faults.values()]);
  }

  /** Something for one of them. */
  tellOne(dice: Dice, message: object): void {
    if (this.#all.size > 0) dice.pick(this.members).process.send?.(message, () => {});
  }

  /** Nothing more goes wrong. */
  calm(): void {
    for (const { process } of this.#all) process.send?.(CALM, () => {});
  }

  async end(): Promise<void> {
    this.#over = true;
    await Promise.all(this.members.map((member) => this.#end(member, 'SIGKILL')));
  }

  async #end(member: ModuleProcess, signal: NodeJS.Signals): Promise<void> {
    this.#told.set(member, signal);
    this.#trade.ending?.(pidOf(member), signal);
    const tooLate = setTimeout(() => {
      this.problems.push(`${this.#nameOf(member)} was told to end, and did not. ${wrote(member)}`);
      void this.#end(member, 'SIGKILL');
    }, ENDS_WITHIN_MS);
    await member.kill(signal);
    clearTimeout(tooLate);
  }

  #onExit(member: ModuleProcess, { code, signal }: ExitStatus): void {
    const told = this.#told.get(member);
    this.#all.delete(member);
    if (told === 'SIGKILL' || (told === 'SIGTERM' && code === 0)) return;
    this.#trade.stopped?.(member);
    const index = this.#mortals.findIndex((mortal) => mortal.member === member);
    if (index !== -1) this.#mortals.splice(index, 1);
    const how = signal ?? `exit code ${code ?? 'unknown'}`;
    const why = told === undefined ? 'ended by itself' : `was told to end, and ended otherwise`;
    this.problems.push(`${this.#nameOf(member)} ${why} (${how}). ${wrote(member)}`);
  }

  /** Until it ends. */
  async #follow(member: ModuleProcess): Promise<void> {
    for (;;) {
      const line = await member.nextLine(() => true, { timeoutMs: 2 ** 31 - 1 }).catch(() => undefined);
      if (line === undefined) return;
      const { event, code } = line;
      if (event === 'error') this.errors.set(String(code), (this.errors.get(String(code)) ?? 0) + 1);
      else if (event === 'faults') this.#faults.set(member, line['counts'] as FaultCounts);
      else if (event === 'memory') this.memory.push(Number(line['heap']) / 2 ** 20);
      else this.#trade.told?.(line);
    }
  }

  #nameOf(member: ModuleProcess): string {
    return `${this.#trade.name} ${pidOf(member)}`.replace(/^./, (first) => first.toUpperCase());
  }
}

/** What the end of a process is called among the faults. */
export function endOf(name: string, signal: 'SIGKILL' | 'SIGTERM'): string {
  return `${name} ${signal === 'SIGKILL' ? 'killed' : 'told to end'}`;
}

function pidOf({ process }: ModuleProcess): number {
  return process.pid ?? -1;
}

function wrote(member: ModuleProcess): string {
  return `It wrote:\n${member.output || '(nothing)'}`;
}
