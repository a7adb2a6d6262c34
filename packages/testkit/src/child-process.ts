import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { JsonLines, parseJsonLine } from './json-lines.js';
import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { JsonLine, NextLineOptions } from './json-lines.js';

/**
 * Runs in the child before its own code: it ends when the channel to its parent breaks, also when the parent was
 * killed. Unreferenced, so that a child that is done still ends by itself.
 */
const LEASH = 'process.once("disconnect", () => process.exit(1)); process.channel.unref();';

/** Enough of a child's other output to see what went wrong. */
const MAX_OUTPUT_LINES = 200;

export interface SpawnModuleOptions {
  args?: readonly string[];
  /** Added to this process's environment. */
  env?: Readonly<Record<string, string>>;
}

export interface ExitStatus {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

type LinePredicate = (line: JsonLine) => boolean;

/** A Node process of a test. Each line it writes to stdout that is a JSON object is a message to the test. */
export class ModuleProcess {
  readonly process: ChildProcess;
  /** Resolves when the process has ended and its output was read. */
  readonly exited: Promise<ExitStatus>;
  readonly #name: string;
  readonly #lines = new JsonLines();
  readonly #output: string[] = [];

  constructor(name: string, child: ChildProcess) {
    this.#name = name;
    this.process = child;
    this.#read(child.stdout, (text) => this.#onText(text));
    this.#read(child.stderr, (text) => this.#onOutput(text));
    this.exited = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        this.#lines.end(() => this.#error(`ended (${signal ?? `exit code ${String(code)}`})`));
        resolve({ code, signal });
      });
    });
  }

  /** All lines so far, those handed out by `nextLine` included. */
  get lines(): readonly JsonLine[] {
    return this.#lines.all;
  }

  /** The last it has written to stderr, and to stdout beside the JSON lines. */
  get output(): string {
    return this.#output.join('\n');
  }

  /**
   * The first line not handed out yet that the predicate takes; waits for it. Rejects when the process ends without
   * it or the time is up, and then tells what the process has written to stderr.
   */
  nextLine(predicate: LinePredicate = () => true, { timeoutMs = 10_000 }: NextLineOptions = {}): Promise<JsonLine> {
    return this.#lines.next(predicate, timeoutMs, () => this.#error(`printed no such line within ${timeoutMs} ms`));
  }

  /** Sends a signal, SIGKILL by default, and resolves when the process has ended. */
  kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<ExitStatus> {
    this.process.kill(signal);
    return this.exited;
  }

  #read(stream: Readable | null, onText: (text: string) => void): void {
    // ends with its stream, which ends with the process
    if (stream !== null) createInterface({ input: stream, crlfDelay: Infinity }).on('line', onText);
  }

  #onText(text: string): void {
    const line = parseJsonLine(text);
    if (line === undefined) this.#onOutput(text);
    else this.#lines.push(line);
  }

  #onOutput(text: string): void {
    this.#output.push(text);
    if (this.#output.length > MAX_OUTPUT_LINES) this.#output.shift();
  }

  #error(what: string): Error {
    return new Error(`${this.#name} ${what}. It wrote:\n${this.output || '(nothing)'}`);
  }
}

/** Starts a JavaScript module (a path or a file: URL) as a process, which dies with this one at the latest. */
export async function spawnModule(file: string | URL, options: SpawnModuleOptions = {}): Promise<ModuleProcess> {
  const path = file instanceof URL || file.startsWith('file:') ? fileURLToPath(file) : file;
  const child = spawn(
    process.execPath,
    ['--import', `data:text/javascript,${encodeURIComponent(LEASH)}`, path, ...(options.args ?? [])],
    {
      env: { ...process.env, ...options.env },
      // the fourth is the channel that the leash hangs on
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    },
  );
  const running = new ModuleProcess(path, child);
  await once(child, 'spawn');
  return running;
}
