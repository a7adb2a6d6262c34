import { resolve } from 'node:path';

/** A path as the user means it: pnpm runs the command in another folder, and leaves in INIT_CWD where it was given. */
export function whereCommandWasGiven(path: string): string {
  return resolve(process.env['INIT_CWD'] ?? '.', path);
}
