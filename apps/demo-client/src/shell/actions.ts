import { toArguments } from './arguments.js';
import { promptLines, resourceLines, schemaOfPrompt, toolLines } from './catalogue-view.js';
import { COMMANDS, COMMAND_NAMES, entryOf, usageOfCommand } from './commands.js';
import { reasonOf } from './failure.js';
import { age, cut, elapsed, labelled } from './layout.js';
import { inOneLine } from './printable.js';
import { callLine } from './progress-bar.js';
import { fieldLines, promptResultLines, resourceContentLines } from './result-view.js';
import { UsageError } from './usage-error.js';
import type { Command } from './commands.js';
import type { Connection } from './connection.js';
import type { PendingCalls } from './pending-calls.js';
import type { Sessions, SessionRecord } from './sessions.js';
import type { ShellOptions } from './shell-options.js';

export interface ActionsOptions extends ShellOptions {
  readonly calls: PendingCalls;
  readonly sessions: Sessions;
}

const NOTES = `
Values that have spaces go in quotes: call count_words text="So it is. Or not?"
Lists and objects are JSON. Lines that begin with # are nothing.`;
const KEYS = `
Tab completes commands, tools, arguments and their values; ↑ and ↓ are what was
typed before. Ctrl-C clears the line, twice it quits, as Ctrl-D does.`;

/** What commands do. Each says what it did in lines, or throws what is to be said in one. */
export class Actions {
  readonly #options: ActionsOptions;

  constructor(options: ActionsOptions) {
    this.#options = options;
  }

  /** Whether a command has nothing to wait for. */
  isAtOnce({ name }: Command): boolean {
    return entryOf(name).atOnce === true;
  }

  now({ name, words }: Command, width: number): readonly string[] {
    if (name === 'pending') return this.#pending(width);
    if (name === 'cancel') return this.#cancel(words[0]?.text ?? '');
    return help();
  }

  async run({ name, words }: Command, signal: AbortSignal, width: number): Promise<readonly string[]> {
    const { sessions, style } = this.#options;
    const first = words[0]?.text ?? '';
    if (name === 'init') return this.#init(signal, width);
    if (name === 'end') return this.#end();
    if (name === 'sessions') return this.#sessions(signal, width);
    const connection = sessions.connection();
    if (name === 'tools') return toolLines((await connection.refresh('tools', signal)).tools, style, width);
    if (name === 'prompts') return promptLines((await connection.refresh('prompts', signal)).prompts, style, width);
    if (name === 'resources')
      return resourceLines((await connection.refresh('resources', signal)).resources, style, width);
    if (name === 'read') return resourceContentLines(await connection.read(first, signal), width);
    return this.#prompt(connection, words, signal, width);
  }

  /** Begins a call. */
  call({ words: [word, ...others] }: Command): ReturnType<PendingCalls['start']> {
    const { calls, sessions } = this.#options;
    const connection = sessions.connection();
    const tool = named(connection.catalogue.tools, word?.text ?? '', 'tool');
    const args = toArguments(tool.name, others, tool.inputSchema);
    return calls.start(inOneLine(tool.name), (handle) => connection.callTool(tool.name, args, handle));
  }

  async #init(signal: AbortSignal, width: number): Promise<readonly string[]> {
    const { sessions, style, side } = this.#options;
    const startedAt = performance.now();
    await this.#endCalls();
    const connection = await sessions.open(signal);
    const { tools, resources, prompts } = connection.catalogue;
    const facts = [
      ['session', connection.sessionId ?? 'none'],
      ['protocol', connection.protocolVersion ?? 'unknown'],
      ['transport', side.transport],
      ['offers', [count(tools, 'tool'), count(resources, 'resource'), count(prompts, 'prompt')].join(', ')],
    ] as const;
    const said = connection.instructions;
    return [
      `${style.good('✓')} connected to ${style.strong(inOneLine(connection.server))} after ${elapsed(performance.now() - startedAt)}`,
      ...indented(fieldLines(facts, width - 2)),
      ...(said === undefined ? [] : labelled('  ', inOneLine(said), width)),
    ];
  }

  async #end(): Promise<readonly string[]> {
    const { sessions, style } = this.#options;
    sessions.connection();
    await this.#endCalls();
    return [`${style.good('✓')} ended session ${await sessions.end()}`];
  }

  /** Nobody can answer them when their session has ended. */
  async #endCalls(): Promise<void> {
    const { calls } = this.#options;
    calls.cancelAll('the session ends');
    await calls.settled();
  }

  async #prompt(
    connection: Connection,
    [word, ...others]: Command['words'],
    signal: AbortSignal,
    width: number,
  ): Promise<readonly string[]> {
    const prompt = named(connection.catalogue.prompts, word?.text ?? '', 'prompt');
    const args = Object.entries(toArguments(prompt.name, others, schemaOfPrompt(prompt)));
    const texts = Object.fromEntries(args.map(([name, value]) => [name, String(value)]));
    return promptResultLines(await connection.prompt(prompt.name, texts, signal), width);
  }

  #pending(width: number): readonly string[] {
    const { list } = this.#options.calls;
    return list.length === 0 ? ['No call runs.'] : list.map((call) => callLine(call, performance.now(), width - 1));
  }

  /** What comes of it is said when the call ends. */
  #cancel(text: string): readonly string[] {
    if (!/^#?\d+$/.test(text)) throw new UsageError(`Calls have numbers, and "${text}" is none; pending lists them.`);
    this.#options.calls.cancel(Number(text.replace('#', '')));
    return [];
  }

  async #sessions(signal: AbortSignal, width: number): Promise<readonly string[]> {
    const { sessions, side, trace, style } = this.#options;
    const facts = [
      ['transport', side.transport],
      ['requests', side.requests],
      ['replies', side.replies],
      ['so far', `${trace.messages} messages, ${(trace.bytes / 1000).toFixed(1)} kB, all sessions together`],
      ...(await this.#serverFacts(signal)),
    ] as const;
    const list = sessions.records.map((record) => cut(describe(record), width));
    return [
      ...(list.length === 0 ? ['There was no session yet; init opens one.'] : list.map((line) => style.strong(line))),
      ...indented(fieldLines(facts, width - 2)),
    ];
  }

  /** What the server says of the session itself, if it has the demo's tool for that. */
  async #serverFacts(signal: AbortSignal): Promise<readonly (readonly [string, string])[]> {
    const { sessions, timeoutMs } = this.#options;
    const connection = sessions.current;
    if (connection?.catalogue.tools.some(({ name }) => name === 'server_info') !== true) return [];
    try {
      const { structuredContent = {} } = await connection.callTool('server_info', {}, { signal, timeout: timeoutMs });
      const { pid, replies, completed, failed, cancelled } = structuredContent;
      return [
        ['server', `process ${String(pid)}, which says: replies go ${String(replies)}`],
        ['its calls', `${String(completed)} completed, ${String(failed)} failed, ${String(cancelled)} cancelled`],
      ];
    } catch (error) {
      signal.throwIfAborted();
      return [['server', reasonOf(error)]];
    }
  }
}

function help(): readonly string[] {
  const width = Math.max(...COMMAND_NAMES.map((name) => usageOfCommand(name).length)) + 2;
  const commands = COMMAND_NAMES.map((name) => `  ${usageOfCommand(name).padEnd(width)}${COMMANDS[name].summary}`);
  return [...commands, ...NOTES.split('\n'), ...KEYS.split('\n')];
}

function named<T extends { readonly name: string }>(list: readonly T[], name: string, what: 'tool' | 'prompt'): T {
  const found = list.find((each) => each.name === name);
  if (found !== undefined) return found;
  const names = list.map((each) => inOneLine(each.name)).join(', ');
  throw new UsageError(`There is no ${what} "${name}"; there ${names === '' ? 'are none' : `are ${names}`}.`);
}

function describe({ id, server, openedAt, state }: SessionRecord): string {
  return inOneLine(`${id}  ${state}, ${age(performance.now() - openedAt)} old, ${server}`);
}

function count({ length }: readonly unknown[], what: string): string {
  return `${length} ${what}${length === 1 ? '' : 's'}`;
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}
