import { Actions } from './actions.js';
import { parseCommand } from './commands.js';
import { fieldsBySchema } from './completion.js';
import { reasonOf } from './failure.js';
import { age } from './layout.js';
import { PendingCalls } from './pending-calls.js';
import { inOneLine } from './printable.js';
import { callLine, callLines } from './progress-bar.js';
import { Questions } from './questions.js';
import { outcomeLines } from './result-view.js';
import { schemaOfPrompt } from './catalogue-view.js';
import { Sessions } from './sessions.js';
import type { LoggingMessageNotification } from '@modelcontextprotocol/sdk/types.js';
import type { Command } from './commands.js';
import type { Vocabulary } from './completion.js';
import type { Outcome, PendingCall } from './pending-calls.js';
import type { ShellOptions } from './shell-options.js';
import type { Terminal } from './terminal.js';

/** What is being done that others wait for. */
interface Doing {
  readonly name: string;
  readonly startedAt: number;
  readonly abort: AbortController;
}

/** How often the age of what goes on is shown anew, in milliseconds. */
const TICK_MS = 1000;
/** Most lines of status, so that there is room for what comes. */
const STATUS_LINES = 6;
/** How long the server may take to end the session when this client leaves, in milliseconds. */
const LEAVE_MS = 3000;

/** Takes commands from a terminal until there are no more, or one says so. */
export class Shell {
  readonly #options: ShellOptions;
  readonly #calls: PendingCalls;
  readonly #sessions: Sessions;
  readonly #actions: Actions;
  #terminal: Terminal | undefined;
  #questions: Questions | undefined;
  #doing: Doing | undefined;
  /** What was typed is done in turn, each when the one before it is done. */
  #last: Promise<void> = Promise.resolve();
  #failures = 0;

  constructor(options: ShellOptions) {
    this.#options = options;
    const { side, timeoutMs, style } = options;
    this.#calls = new PendingCalls({ timeoutMs, onChange: (call, what) => this.#onCall(call, what) });
    this.#sessions = new Sessions({
      createTransport: side.createTransport,
      timeoutMs,
      onError: (error) => this.#print([`${style.bad('!')} ${reasonOf(error)}`]),
      onNews: (news) => this.#print([`${style.strong('The server says:')} ${newsText(news)}`]),
      onLost: () => this.#print([`${style.bad('!')} The session is lost; init opens a new one.`]),
      ask: async (params, signal) => (await this.#questions?.ask(params, signal)) ?? { action: 'cancel' },
    });
    this.#actions = new Actions({ ...options, calls: this.#calls, sessions: this.#sessions });
  }

  /** What can be typed now. */
  get vocabulary(): Vocabulary {
    const { tools = [], prompts = [], resources = [] } = this.#sessions.current?.catalogue ?? {};
    return {
      tools: fieldsBySchema(tools.map(({ name, inputSchema }) => [name, inputSchema])),
      prompts: fieldsBySchema(prompts.map((prompt) => [prompt.name, schemaOfPrompt(prompt)])),
      resources: resources.map(({ uri }) => uri),
      calls: this.#calls.list.map(({ number }) => number),
    };
  }

  /** Interrupts what others wait for; false if there is nothing. */
  interrupt(): boolean {
    this.#doing?.abort.abort('interrupted');
    return this.#doing !== undefined;
  }

  /** Resolves with how many commands and calls failed. */
  async run(terminal: Terminal): Promise<number> {
    const { style, signal } = this.#options;
    this.#terminal = terminal;
    this.#questions = new Questions({ terminal, style, onOpen: (open) => this.#calls.hold(open) });
    const onAbort = (): void => {
      terminal.close();
      this.#calls.cancelAll('interrupted');
    };
    signal.addEventListener('abort', onAbort, { once: true });
    const ticker = setInterval(() => this.#showStatus(), TICK_MS);
    try {
      if (signal.aborted) return this.#failures;
      await this.#takeCommands(terminal);
    } finally {
      clearInterval(ticker);
      signal.removeEventListener('abort', onAbort);
      terminal.setStatus([]);
      terminal.close();
      this.#doing?.abort.abort('interrupted');
      this.#calls.cancelAll('leaving');
      await this.#calls.settled();
      await this.#last;
      await this.#sessions.leave(LEAVE_MS);
    }
    return this.#failures;
  }

  async #takeCommands(terminal: Terminal): Promise<void> {
    for (;;) {
      const line = await terminal.read();
      if (line === undefined) break;
      const command = this.#parse(line);
      if (command === undefined) continue;
      if (command.name === 'quit') return;
      if (this.#actions.isAtOnce(command)) this.#actNow(command);
      else {
        this.#last = this.#last.then(() => this.#act(command));
        if (!terminal.isInteractive) await this.#last;
      }
    }
    // Whoever sits there and leaves does not want to wait; a script that is over does.
    if (!terminal.isInteractive && !this.#options.signal.aborted) await this.#calls.settled();
  }

  #parse(line: string): Command | undefined {
    try {
      return parseCommand(line);
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
  }

  #actNow(command: Command): void {
    try {
      this.#print(this.#actions.now(command, this.#columns));
    } catch (error) {
      this.#fail(error);
    }
  }

  async #act(command: Command): Promise<void> {
    const { signal } = this.#options;
    const abort = new AbortController();
    const onAbort = (): void => abort.abort(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    this.#doing = { name: command.name, startedAt: performance.now(), abort };
    try {
      if (command.name === 'call') await this.#call(command);
      else this.#print(await this.#actions.run(command, abort.signal, this.#columns));
    } catch (error) {
      this.#fail(abort.signal.aborted ? `${command.name} was given up: ${String(abort.signal.reason)}.` : error);
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#doing = undefined;
      this.#showStatus();
    }
  }

  async #call(command: Command): Promise<void> {
    const { call, outcome } = this.#actions.call(command);
    const shown = outcome.then((result) => {
      if (isFailure(result)) this.#failures++;
      this.#print(outcomeLines(call, result, this.#options.style, this.#columns));
    });
    if (this.#terminal?.isInteractive === false && !command.inBackground) await shown;
  }

  #onCall(call: PendingCall, what: 'begun' | 'progress' | 'ended'): void {
    if (this.#terminal?.isInteractive === true) this.#showStatus();
    else if (what === 'progress') this.#print([`  ${callLine(call, performance.now(), this.#columns - 2)}`]);
  }

  #showStatus(): void {
    const terminal = this.#terminal;
    if (terminal === undefined) return;
    const now = performance.now();
    const doing = this.#doing;
    // What is over in no time is not worth a line.
    const since = doing === undefined ? 0 : now - doing.startedAt;
    const slow = doing === undefined || since < TICK_MS / 2 ? [] : [`${doing.name} … ${age(since)} (Ctrl-C gives up)`];
    const calls = callLines(this.#calls.list, { now, width: terminal.columns - 1, height: STATUS_LINES });
    terminal.setStatus([...calls, ...slow]);
  }

  get #columns(): number {
    return this.#terminal?.columns ?? 80;
  }

  #fail(error: unknown): void {
    this.#failures++;
    this.#print([`${this.#options.style.bad('✗')} ${reasonOf(error)}`]);
  }

  #print(lines: readonly string[]): void {
    this.#terminal?.print(lines);
  }
}

function isFailure(outcome: Outcome): boolean {
  if ('result' in outcome) return outcome.result.isError === true;
  return !('wanted' in outcome && outcome.wanted);
}

function newsText({ level, logger, data }: LoggingMessageNotification['params']): string {
  const text = typeof data === 'string' ? data : JSON.stringify(data);
  return inOneLine(`${text} (${[level, ...(logger === undefined ? [] : [logger])].join(', ')})`);
}
