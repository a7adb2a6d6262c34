import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { ChildProcess } from 'node:child_process';

/** What a child can be asked: for each command, what goes in and what comes back. */
export type CommandMap = Readonly<Record<string, { readonly input: unknown; readonly output: unknown }>>;

export interface Question {
  readonly number: number;
  readonly command: string;
  readonly input: unknown;
}

export type Answer = { readonly number: number } & ({ readonly output: unknown } | { readonly error: string });

interface Waiting {
  readonly resolve: (output: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** A process of its own for one part of a benchmark. It ends with this one at the latest. */
export class Child<Commands extends CommandMap> {
  readonly #process: ChildProcess;
  readonly #name: string;
  readonly #waiting = new Map<number, Waiting>();
  #count = 0;

  /**
   * @param module - the program: it calls {@link answerParent}
   * @param execArgv - options for node itself
   */
  constructor(module: URL, execArgv: readonly string[] = []) {
    this.#name = module.pathname.split('/').at(-1) ?? module.href;
    this.#process = fork(module, {
      execArgv: [...process.execArgv, ...execArgv],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#process.on('message', (message) => this.#onAnswer(message as Answer));
    this.#process.once('exit', (code, signal) => {
      const error = new Error(`${this.#name} ended (${signal ?? `exit code ${code ?? 'unknown'}`})`);
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    });
  }

  async ask<Name extends keyof Commands & string>(
    command: Name,
    input: Commands[Name]['input'],
  ): Promise<Commands[Name]['output']> {
    if (!this.#process.connected) throw new Error(`${this.#name} has ended`);
    const number = this.#count++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject });
      this.#process.send({ number, command, input } satisfies Question);
    });
  }

  /** Ends the process and waits until it has ended. Idempotent. */
  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = once(this.#process, 'exit');
    if (this.#process.connected) this.#process.disconnect();
    await exited;
  }

  #onAnswer(answer: Answer): void {
    const waiting = this.#waiting.get(answer.number);
    this.#waiting.delete(answer.number);
    if ('error' in answer) waiting?.reject(new Error(`${this.#name}: ${answer.error}`));
    else waiting?.resolve(answer.output);
  }
}
