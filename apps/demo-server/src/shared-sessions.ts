import { access, constants, mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { AsyncMcpError } from '@asyncmcp/core';
import type { SessionStore } from '@asyncmcp/core';

/**
 * The store of a folder, which several servers may have; without one, each server keeps its sessions in its own memory.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION` when nothing can be kept there
 */
export async function openSharedSessions(folder: string | undefined): Promise<SessionStore | undefined> {
  if (folder === undefined) return undefined;
  const path = resolve(folder);
  try {
    await mkdir(path, { recursive: true });
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    // Otherwise it would be the first client that hears of it.
    const reason = error instanceof Error ? error.message : String(error);
    const text = `--sessions: give a folder that this process may write to (${reason}).`;
    throw new AsyncMcpError('ERR_INVALID_OPTION', text, {
      cause: error,
      details: { option: 'sessions', value: folder },
    });
  }
  // It brings an emulator of AWS along: only who wants sessions in files waits for that.
  const { FileSessionStore } = await import('@asyncmcp/testkit');
  return new FileSessionStore(path);
}
