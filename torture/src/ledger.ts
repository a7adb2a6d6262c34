/** How a call ended for its caller. */
export type Outcome =
  | { readonly kind: 'result' }
  /** Its tool reported an error, as it was told to. */
  | { readonly kind: 'tool-error' }
  /** Its caller took it back. */
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'error'; readonly code: string; readonly text: string }
  /** Nothing came for so long that it counts as lost. */
  | { readonly kind: 'lost' }
  /** It was answered with something that is not its answer. */
  | { readonly kind: 'wrong'; readonly text: string };

/** One time that a tool ran. */
export interface Execution {
  readonly pid: number;
  readonly at: number;
}

/** What is known of one call. Times are milliseconds since the epoch. */
export interface CallRecord {
  readonly marker: string;
  readonly sentAt: number;
  readonly executions: readonly Execution[];
  /** Responses that reached the MCP client for it. */
  readonly answers: number;
  readonly outcome: Outcome | undefined;
}

interface OpenRecord extends CallRecord {
  readonly executions: Execution[];
  answers: number;
  outcome: Outcome | undefined;
}

/** What became of every call of a run. */
export class Ledger {
  readonly #calls = new Map<string, OpenRecord>();
  readonly #killed = new Map<number, number>();

  sent(marker: string): void {
    this.#calls.set(marker, { marker, sentAt: Date.now(), executions: [], answers: 0, outcome: undefined });
  }

  executed(marker: string, pid: number): void {
    this.#calls.get(marker)?.executions.push({ pid, at: Date.now() });
  }

  /** A response to it was handed to the MCP client. */
  answered(marker: string): void {
    const call = this.#calls.get(marker);
    if (call !== undefined) call.answers += 1;
  }

  ended(marker: string, outcome: Outcome): void {
    const call = this.#calls.get(marker);
    if (call !== undefined) call.outcome = outcome;
  }

  /** A server process was killed, or told to end. */
  killed(pid: number): void {
    this.#killed.set(pid, Date.now());
  }

  get size(): number {
    return this.#calls.size;
  }

  get calls(): readonly CallRecord[] {
    return [...this.#calls.values()];
  }

  /**
   * Whether a call ran again although the process that it ran in before was not killed. A process that was told to end gives back what
   * it has not finished, so that counts as killed.
   */
  ranAgainForNothing({ executions }: CallRecord): boolean {
    return executions.some((execution, index) => {
      const next = executions[index + 1];
      if (next === undefined) return false;
      const killedAt = this.#killed.get(execution.pid);
      return killedAt === undefined || killedAt > next.at;
    });
  }
}
