import { Watch } from './watch.js';
import type { RequestId } from '@modelcontextprotocol/sdk/types.js';

/** One run of a tool's handler. */
export interface Execution {
  readonly tool: string;
  /** What the test told the tool: the gate's name, the text to echo … */
  readonly key: string;
  readonly sessionId: string | undefined;
  readonly requestId: RequestId;
  /** Whether the SDK aborted the handler. */
  aborted: boolean;
  ended: boolean;
}

/** What the handlers of a test server have done, for the test to wait on. */
export class ExecutionLog {
  readonly executions: Execution[] = [];
  /** Most handlers that ran at the same time. */
  peak = 0;
  readonly #watch: Watch;

  constructor(patienceMs: number) {
    this.#watch = new Watch(patienceMs);
  }

  get running(): number {
    return this.executions.filter(({ ended }) => !ended).length;
  }

  /** Puts a run on record while `work` goes on. */
  async record<T>(
    facts: Pick<Execution, 'tool' | 'key' | 'sessionId' | 'requestId'>,
    signal: AbortSignal,
    work: () => Promise<T>,
  ): Promise<T> {
    const execution: Execution = { ...facts, aborted: false, ended: false };
    const onAbort = (): void => {
      execution.aborted = true;
      this.#watch.changed();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    this.executions.push(execution);
    this.peak = Math.max(this.peak, this.running);
    this.#watch.changed();
    try {
      return await work();
    } finally {
      execution.ended = true;
      this.#watch.changed();
    }
  }

  /** The runs of a tool, or only those with this key. */
  of(tool: string, key?: string): readonly Execution[] {
    return this.executions.filter((one) => one.tool === tool && (key === undefined || one.key === key));
  }

  /** Resolves when a handler has begun, with this key. */
  begun(tool: string, key: string): Promise<Execution> {
    return this.until(`${tool}(${key}) to begin`, () => this.of(tool, key)[0]);
  }

  until<T>(what: string, look: () => T | undefined | false): Promise<T> {
    return this.#watch.until(what, look);
  }
}
