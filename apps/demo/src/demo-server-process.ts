import { createInterface } from 'node:readline';
import { spawnModule, until } from '@asyncmcp/testkit';
import type { ExitStatus, ModuleProcess } from '@asyncmcp/testkit';

export interface DemoServerOptions {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Told each line that the server prints. */
  readonly onLine?: ((line: string) => void) | undefined;
}

/** How long the server may take to be ready, in milliseconds: a slow machine starts node slowly. */
const START_TIMEOUT_MS = 30_000;
/** How long it may take to end when it is asked to, in milliseconds. */
const STOP_TIMEOUT_MS = 10_000;

/** The demo server's command as a process of its own. It dies with this process at the latest. */
export class DemoServerProcess {
  readonly pid: number;
  readonly #child: ModuleProcess;
  readonly #ended = new AbortController();

  private constructor(child: ModuleProcess, pid: number) {
    this.#child = child;
    this.pid = pid;
    void child.exited.then((status) => this.#ended.abort(`the server ended: ${describe(status)}`));
  }

  /** Starts the server; resolves when it says that it is ready. */
  static async start({ args, env, onLine }: DemoServerOptions): Promise<DemoServerProcess> {
    const child = await spawnModule(import.meta.resolve('@asyncmcp/demo-server/main'), { args, env });
    const { pid, stdout } = child.process;
    if (pid === undefined || stdout === null) throw new Error('The demo server has no process id or no output.');
    if (onLine !== undefined) createInterface({ input: stdout }).on('line', onLine);
    const server = new DemoServerProcess(child, pid);
    try {
      await server.#ready();
      return server;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  /** Aborted when the process has ended, also by itself. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** The last lines that it has printed. */
  get output(): string {
    return this.#child.output;
  }

  /** Asks the server to stop and, if it does not in time, kills it. Resolves with how it ended: `exit code 0`, `SIGKILL`. */
  async stop(timeoutMs = STOP_TIMEOUT_MS): Promise<string> {
    const killer = setTimeout(() => void this.#child.kill('SIGKILL'), timeoutMs);
    const status = await this.#child.kill('SIGTERM');
    clearTimeout(killer);
    return describe(status);
  }

  async #ready(): Promise<void> {
    const isReady = (): boolean => / ready: /.test(this.output);
    await until(() => this.ended.aborted || isReady(), {
      timeoutMs: START_TIMEOUT_MS,
      message: () => `the demo server to be ready; it printed:\n${this.output}`,
    });
    if (!isReady()) throw new Error(`The demo server ended before it was ready. It printed:\n${this.output}`);
  }
}

function describe({ code, signal }: ExitStatus): string {
  return signal ?? `exit code ${String(code)}`;
}
