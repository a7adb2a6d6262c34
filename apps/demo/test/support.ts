import { createInterface } from 'node:readline';
import { stripVTControlCharacters } from 'node:util';
import { spawnModule, until } from '@asyncmcp/testkit';
import type { ModuleProcess } from '@asyncmcp/testkit';

/** What a command printed, and its exit code. */
export interface Run {
  readonly code: number | null;
  readonly lines: readonly string[];
}

/** Starts one of the built commands, as a user does. */
export function start(
  file: string | URL,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<ModuleProcess> {
  return spawnModule(file, { args, env });
}

/** Waits until a command has printed a text, and fails at once when it ends without. */
export async function printed(child: ModuleProcess, text: string): Promise<void> {
  const end = child.exited.then(({ code }) => {
    throw new Error(`ended with exit code ${String(code)} before it printed "${text}", but:\n${child.output}`);
  });
  await Promise.race([
    until(() => child.output.includes(text), { message: () => `"${text}"; got ${child.output}` }),
    end,
  ]);
}

export async function finish(child: ModuleProcess): Promise<Run> {
  const { code } = await child.exited;
  return { code, lines: child.output.split('\n') };
}

/** What a command prints from now on, however much that is: of the rest only the last lines are kept. */
export function linesOf({ process: { stdout } }: ModuleProcess): readonly string[] {
  const lines: string[] = [];
  if (stdout !== null) createInterface({ input: stdout }).on('line', (line) => lines.push(line));
  return lines;
}

export const demo = new URL('../dist/main.js', import.meta.url);
export const emulator = new URL('../dist/emulator.js', import.meta.url);

/** Whether a line has colours or other codes for terminals. */
export function isStyled(line: string): boolean {
  return stripVTControlCharacters(line) !== line;
}
