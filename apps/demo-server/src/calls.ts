import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import type { CallToolResult, ServerNotification, ServerRequest } from '@modelcontextprotocol/sdk/types.js';

/** What the SDK hands to a tool beside its arguments. */
export type ToolExtra = RequestHandlerExtra<ServerRequest, ServerNotification>;

/** Takes one line about what happens. */
export type Log = (line: string) => void;

export interface CallCounts {
  completed: number;
  failed: number;
  cancelled: number;
}

/** Runs the tool calls of one session: counts them and says how each begins and ends. */
export class Calls {
  readonly counts: CallCounts = { completed: 0, failed: 0, cancelled: 0 };
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Runs one call. A failure is thrown on: the SDK turns it into a result with `isError`. */
  async run(tool: string, extra: ToolExtra, work: () => Promise<CallToolResult>): Promise<CallToolResult> {
    const call = `${tool} #${extra.requestId}`;
    const startedAt = performance.now();
    const after = (): string => `after ${Math.round(performance.now() - startedAt)} ms`;
    this.#log(`${call} started`);
    try {
      const result = await work();
      this.counts.completed++;
      this.#log(`${call} answered ${after()}`);
      return result;
    } catch (error) {
      if (extra.signal.aborted) {
        this.counts.cancelled++;
        this.#log(`${call} cancelled ${after()}`);
      } else {
        this.counts.failed++;
        this.#log(`${call} failed ${after()}: ${error instanceof Error ? error.message : String(error)}`);
      }
      throw error;
    }
  }
}

export function textResult(text: string): CallToolResult {
  return { content: [{ type: 'text', text }] };
}
