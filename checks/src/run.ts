import { execFile } from 'node:child_process';

export interface RunOptions {
  readonly cwd: string;
  /** Default: that of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** It is ended after so many milliseconds. Default: it is not. */
  readonly timeout?: number;
}

/** Enough for the tarball of any package. */
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024;

/** Runs a program to its end, and resolves with what it wrote to stdout; rejects, with all that it wrote, when it fails. */
export function run(file: string, args: readonly string[], options: RunOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const all = { ...options, encoding: 'buffer', maxBuffer: MAX_OUTPUT_BYTES } as const;
    execFile(file, args, all, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else
        reject(new Error(`${[file, ...args].join(' ')}\n${stdout.toString()}\n${stderr.toString()}`, { cause: error }));
    });
  });
}
