import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the repository, where the commands are given: pnpm and turbo run them in another folder, and tell nobody where they were. */
const ROOT = new URL('../../', import.meta.url);

/** A path as who gave the command at the root means it. */
export function fromRoot(path: string): string {
  return resolve(fileURLToPath(ROOT), path);
}
