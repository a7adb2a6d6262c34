import { isAsyncMcpError } from '@asyncmcp/core';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { failureLines, noteLines, stepLine, summaryLine, traceLine } from './report.js';
import { stepsWith } from './steps.js';
import { createStyle } from './style.js';
import type { AsyncMcpErrorCode } from '@asyncmcp/core';
import type { Page } from './page-steps.js';
import type { CreateStockTransport } from './streamable-steps.js';
import type { Style } from './style.js';
import type { DemoTransport, Step, StepContext } from './steps.js';
import type { Trace } from './trace.js';
import type { WebhookEndpoint } from './webhook-endpoint.js';

export interface ScenarioOptions {
  readonly createTransport: () => DemoTransport;
  /** The transport of one more client, where servers can broadcast: adds the step that checks it. */
  readonly createListener?: (() => DemoTransport) | undefined;
  /** Where webhooks come to, if replies do: adds the steps that check what is special to them. */
  readonly webhooks?: WebhookEndpoint | undefined;
  /** A client transport of the SDK's own, where servers speak to those, too: adds the step and the checks that are special to it. */
  readonly createStockTransport?: CreateStockTransport | undefined;
  /** A web page that the server can get: adds the steps that have it get it. */
  readonly page?: Page | undefined;
  /** What the wire of that transport is observed with. */
  readonly trace: Trace;
  /** Takes the report, line by line. */
  readonly print: (line: string) => void;
  /** Default: no colours. */
  readonly style?: Style;
  /** How long a request may take, in milliseconds. Default 30,000. */
  readonly timeoutMs?: number;
  /** Aborting it ends the scenario, which then fails with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** A step of the scenario went wrong; `cause` says how. The report has said so already. */
export class ScenarioError extends Error {
  override readonly name = 'ScenarioError';
  readonly step: string;

  constructor(step: string, cause: unknown) {
    super(`Step "${step}" failed: ${reasonOf(cause)}`, { cause });
    this.step = step;
  }
}

/** What a scenario came to. */
export interface ScenarioTotals {
  readonly steps: number;
  /** What travelled, and how much that weighed, in bytes. */
  readonly messages: number;
  readonly bytes: number;
}

/** Says that one is waiting, after this many milliseconds. */
const PATIENCE_MS = 3000;

/**
 * Runs every step of the demo as an MCP client, checks what comes back, and reports it with all that travelled.
 *
 * @throws ScenarioError at the first step that went wrong
 */
export async function runScenario(options: ScenarioOptions): Promise<ScenarioTotals> {
  return new Scenario(options).run();
}

class Scenario {
  readonly #options: Required<Pick<ScenarioOptions, 'trace' | 'print' | 'style'>> & ScenarioOptions;
  readonly #context: StepContext;
  readonly #steps: readonly Step[];
  readonly #expected = new Set<AsyncMcpErrorCode>();
  #reported: Error[] = [];

  constructor(options: ScenarioOptions) {
    const { createTransport, timeoutMs = 30_000, signal, trace } = options;
    this.#options = { style: createStyle(false), ...options };
    const info = { name: 'asyncmcp-demo-client', version: '1.0.0' };
    const client = new Client(info, { capabilities: { elicitation: { form: {} } } });
    client.onerror = (error) => void this.#reported.push(error);
    const expectReported = (code: AsyncMcpErrorCode): void => void this.#expected.add(code);
    const { createListener, webhooks, createStockTransport, page } = options;
    const others = { createListener, webhooks, createStockTransport, page, trace, timeoutMs, signal, expectReported };
    this.#context = { client, transport: createTransport(), ...others };
    this.#steps = stepsWith(this.#context);
  }

  async run(): Promise<ScenarioTotals> {
    const { print, trace, signal, style } = this.#options;
    const startedAt = performance.now();
    const stop = (): void => void this.#context.client.close();
    signal?.addEventListener('abort', stop, { once: true });
    let checked = 0;
    try {
      for (const step of this.#steps) {
        await this.#runStep(step);
        checked++;
      }
      return { steps: checked, messages: trace.messages, bytes: trace.bytes };
    } finally {
      signal?.removeEventListener('abort', stop);
      // Does nothing after the last step, which has closed it; otherwise the temporary queue goes with it.
      await this.#context.client.close();
      print('');
      const elapsedMs = performance.now() - startedAt;
      const failed = this.#steps[checked]?.title;
      print(summaryLine({ checked, of: this.#steps.length, failed, trace, elapsedMs }, style));
    }
  }

  async #runStep({ title, run }: Step): Promise<void> {
    const { print, trace, style, signal } = this.#options;
    const startedAt = performance.now();
    const patience = setTimeout(() => print(`  … ${title}: no answer yet; is a server running there?`), PATIENCE_MS);
    try {
      signal?.throwIfAborted();
      const detail = await run(this.#context);
      print(stepLine(title, detail, performance.now() - startedAt, style));
    } catch (error) {
      const reason = reasonOf(signal?.aborted === true ? signal.reason : error);
      for (const line of failureLines(title, reason, performance.now() - startedAt, style)) print(line);
      throw new ScenarioError(title, error);
    } finally {
      clearTimeout(patience);
      await trace.answered();
      this.#printSeen(startedAt);
    }
  }

  /** What travelled since the last step, and what was reported beside the calls. */
  #printSeen(startedAt: number): void {
    const { print, style, trace } = this.#options;
    for (const entry of trace.take()) print(traceLine(entry, startedAt, style));
    for (const error of this.#reported) {
      if (isAsyncMcpError(error) && this.#expected.has(error.code)) continue;
      for (const line of noteLines(reasonOf(error))) print(line);
    }
    this.#reported = [];
  }
}

function reasonOf(error: unknown): string {
  if (isAsyncMcpError(error)) return `${error.code}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}
