/** How a call ended for its caller. */
export type Outcome =
  | { readonly kind: 'result' }
  /** Its tool reported an error, as it was told to. */
  | { readonly kind: 'tool-error' }
  /** Its caller took it back. */
  | { readonly kind: 'cancelled' }
  /** The process of its caller was killed: nobody waits for an answer. */
  | { readonly kind: 'abandoned' }
  | { readonly kind: 'error'; readonly code: string; readonly text: string }
  /** Nothing came for so long that it counts as lost. */
  | { readonly kind: 'lost' }
  /** It was answered with something that is not its answer. */
  | { readonly kind: 'wrong'; readonly text: string };

/** Why a call ran once more. */
export type Cause =
  /** The server that had begun with it was killed, or told to end, before the answer came. */
  | 'killed'
  /** Another process took it as well, or after the answer. Nothing excuses that. */
  | 'other-process'
  /** The same process took it twice. Nothing excuses that. */
  | 'same-process';

/** One time that a tool ran. */
export interface Execution {
  readonly pid: number;
  readonly at: number;
}

/** What is known of one call. Times are milliseconds since the epoch. */
export interface CallRecord {
  readonly marker: string;
  /** The process of its caller. */
  readonly caller: number;
  readonly sentAt: number;
  readonly executions: readonly Execution[];
  /** Responses that reached the MCP client for it. */
  readonly answers: number;
  /** When the first of them did. */
  readonly answeredAt: number | undefined;
  readonly outcome: Outcome | undefined;
  readonly endedAt: number | undefined;
}

interface OpenRecord extends CallRecord {
  caller: number;
  sentAt: number;
  readonly executions: Execution[];
  answers: number;
  answeredAt: number | undefined;
  outcome: Outcome | undefined;
  endedAt: number | undefined;
}

/** When a process was killed or told to end, and when it was gone: it gives back what it does not finish until then. */
interface End {
  readonly toldAt: number;
  goneAt: number | undefined;
}

/** What became of every call of a run. */
export class Ledger {
  readonly #calls = new Map<string, OpenRecord>();
  readonly #ends = new Map<number, End>();

  /**
   * What a process tells of a call reaches us by a way of its own, later than what another tells of it, perhaps: hence the times.
   *
   * @param caller - the process of its caller
   * @param at - when, by the clock of the process that tells it, which is this machine's
   */
  sent(marker: string, caller = 0, at = Date.now()): void {
    Object.assign(this.#of(marker), { caller, sentAt: at });
  }

  executed(marker: string, pid: number, at = Date.now()): void {
    this.#of(marker).executions.push({ pid, at });
  }

  /** A response to it was handed to the MCP client. */
  answered(marker: string, at = Date.now()): void {
    const call = this.#of(marker);
    call.answers += 1;
    call.answeredAt ??= at;
  }

  ended(marker: string, outcome: Outcome, at = Date.now()): void {
    Object.assign(this.#of(marker), { outcome, endedAt: at });
  }

  /** The process of callers is gone: what they have not heard of, nobody waits for. */
  abandoned(caller: number): void {
    for (const call of this.#calls.values()) {
      if (call.caller === caller && call.outcome === undefined) this.ended(call.marker, { kind: 'abandoned' });
    }
  }

  /** A server process was killed, or told to end. */
  killed(pid: number): void {
    this.#ends.set(pid, { toldAt: Date.now(), goneAt: undefined });
  }

  /** It has ended. */
  gone(pid: number): void {
    const end = this.#ends.get(pid);
    if (end !== undefined) end.goneAt = Date.now();
  }

  /** How many calls there are. */
  get size(): number {
    return this.#calls.size;
  }

  get calls(): readonly CallRecord[] {
    return [...this.#calls.values()];
  }

  /** Why a call ran again, once for each time beyond the first. The end of a process excuses one of them. */
  repeats(call: CallRecord): readonly Cause[] {
    const inOrder = call.executions.toSorted((one, other) => one.at - other.at);
    const excuses = new Set<number>();
    return inOrder.slice(1).map(({ pid, at }, index): Cause => {
      const before = inOrder.slice(0, index + 1).map((execution) => execution.pid);
      if (before.includes(pid)) return 'same-process';
      const killed = before.find((earlier) => !excuses.has(earlier) && this.#explains(call, earlier, at));
      if (killed === undefined) return 'other-process';
      excuses.add(killed);
      return 'killed';
    });
  }

  /** Whether the end of the process that had begun with a call is why it ran again then. */
  #explains({ answeredAt = Infinity }: CallRecord, pid: number, at: number): boolean {
    const end = this.#ends.get(pid);
    return end !== undefined && end.toldAt <= at && end.toldAt < answeredAt;
  }

  #of(marker: string): OpenRecord {
    const known = this.#calls.get(marker);
    if (known !== undefined) return known;
    const call: OpenRecord = {
      marker,
      caller: 0,
      sentAt: Date.now(),
      executions: [],
      answers: 0,
      answeredAt: undefined,
      outcome: undefined,
      endedAt: undefined,
    };
    this.#calls.set(marker, call);
    return call;
  }

  /** How many processes can have had a call in hand: those that began with it, and those that ended while it was under way. */
  processesOver(call: CallRecord): number {
    return new Set([...call.executions.map(({ pid }) => pid), ...this.endsOver(call)]).size;
  }

  /** The processes that ended while a call was under way. */
  endsOver({ sentAt, endedAt = Infinity }: CallRecord): readonly number[] {
    const during = [...this.#ends].filter(([, { toldAt, goneAt = Infinity }]) => toldAt <= endedAt && goneAt >= sentAt);
    return during.map(([pid]) => pid);
  }
}
