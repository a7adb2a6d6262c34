import { Patience } from './patience.js';
import { UsageError } from './usage-error.js';
import type { CallToolResult, Progress } from '@modelcontextprotocol/sdk/types.js';

/** A call that runs. */
export interface PendingCall {
  /** What it is called by, from 1 on. */
  readonly number: number;
  readonly tool: string;
  /** On the clock of `performance.now()`. */
  readonly startedAt: number;
  /** How far it is, as far as one has heard. */
  readonly progress: Progress | undefined;
}

/** What became of a call. */
export type Outcome =
  | { readonly result: CallToolResult }
  | { readonly error: unknown }
  /** Why, and whether that was somebody's wish. */
  | { readonly givenUp: string; readonly wanted: boolean };

export interface CallHandle {
  readonly signal: AbortSignal;
  readonly onprogress: (progress: Progress) => void;
}

export interface PendingCallsOptions {
  /** How long a call may be silent, in milliseconds. */
  readonly timeoutMs: number;
  /** Told when calls begin, get on and end. */
  readonly onChange: (call: PendingCall, what: 'begun' | 'progress' | 'ended') => void;
}

interface Running {
  readonly number: number;
  readonly tool: string;
  readonly startedAt: number;
  progress: Progress | undefined;
  readonly giveUp: AbortController;
  readonly patience: Patience;
}

/** The calls that run, whoever waits for them. */
export class PendingCalls {
  readonly #options: PendingCallsOptions;
  readonly #running = new Map<number, Running>();
  readonly #outcomes = new Set<Promise<unknown>>();
  #last = 0;
  #isHeld = false;

  constructor(options: PendingCallsOptions) {
    this.#options = options;
  }

  get list(): readonly PendingCall[] {
    return [...this.#running.values()];
  }

  /** Runs a call. The promise never rejects. */
  start(
    tool: string,
    run: (handle: CallHandle) => Promise<CallToolResult>,
  ): { readonly call: PendingCall; readonly outcome: Promise<Outcome> } {
    const { timeoutMs, onChange } = this.#options;
    const giveUp = new AbortController();
    const patience = new Patience(timeoutMs, () => giveUp.abort(new Unheard(timeoutMs)));
    patience.hold(this.#isHeld);
    const call: Running = {
      number: ++this.#last,
      tool,
      startedAt: performance.now(),
      progress: undefined,
      giveUp,
      patience,
    };
    this.#running.set(call.number, call);
    onChange(call, 'begun');
    const onprogress = (progress: Progress): void => {
      if (!this.#running.has(call.number)) return;
      patience.renew();
      // Standard queues reorder: one that is behind is late.
      if (call.progress !== undefined && progress.progress < call.progress.progress) return;
      call.progress = progress;
      onChange(call, 'progress');
    };
    const outcome = outcomeOf(() => run({ signal: giveUp.signal, onprogress }), giveUp.signal).finally(() => {
      patience.end();
      this.#running.delete(call.number);
      this.#outcomes.delete(outcome);
      onChange(call, 'ended');
    });
    this.#outcomes.add(outcome);
    return { call, outcome };
  }

  /** @throws UsageError when there is no such call */
  cancel(number: number): PendingCall {
    const call = this.#running.get(number);
    if (call === undefined) {
      const others = [...this.#running.keys()].map((each) => `#${each}`).join(', ');
      throw new UsageError(`No call #${number} runs${others === '' ? '; none does' : `, but ${others}`}.`);
    }
    call.giveUp.abort('cancelled');
    return call;
  }

  cancelAll(why: string): void {
    for (const { giveUp } of this.#running.values()) giveUp.abort(why);
  }

  /** Time does not count for calls while somebody here is asked: a call may be what waits for the answer. */
  hold(held: boolean): void {
    this.#isHeld = held;
    for (const { patience } of this.#running.values()) patience.hold(held);
  }

  /** Resolves when none runs. */
  async settled(): Promise<void> {
    while (this.#outcomes.size > 0) await Promise.all(this.#outcomes);
  }
}

async function outcomeOf(run: () => Promise<CallToolResult>, signal: AbortSignal): Promise<Outcome> {
  try {
    return { result: await run() };
  } catch (error) {
    if (!signal.aborted) return { error };
    const why: unknown = signal.reason;
    return why instanceof Unheard ? { givenUp: why.message, wanted: false } : { givenUp: String(why), wanted: true };
  }
}

/** Nothing was heard of a call for as long as it was waited for. */
class Unheard extends Error {
  override readonly name = 'Unheard';

  constructor(timeoutMs: number) {
    super(`no word of it for ${timeoutMs / 1000} s`);
  }
}
