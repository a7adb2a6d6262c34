import { withDeadline } from './deadline.js';
import { toAsyncMcpError } from './errors.js';
import { retry } from './retry.js';
import type { AsyncMcpErrorCode } from './errors.js';

/** A store that fails or hangs is asked again for so long, in milliseconds. */
const ASK_FOR_MS = 10_000;

/** What a failure of a store is called, and what ends the asking. */
export interface AskStoreOptions {
  readonly code: Extract<AsyncMcpErrorCode, 'ERR_SESSION_STORE' | 'ERR_CALL_STORE'>;
  /** What failed then, as the beginning of a sentence. */
  readonly what: string;
  readonly signal: AbortSignal;
  /** Called when what was given up, for the time it took or for the signal, has come to an end all the same. Default: nothing is. */
  readonly onLate?: (() => void) | undefined;
}

/**
 * Asks a store, which is not ours: again while it fails, and not for ever if it hangs.
 *
 * @throws AsyncMcpError the code given, or the signal's reason where that is one
 */
export async function askStore<T>(
  question: () => Promise<T>,
  { code, what, signal, onLate = () => {} }: AskStoreOptions,
): Promise<T> {
  const deadline = { timeoutMs: ASK_FOR_MS, signal, what: 'Asking the store', onLate };
  const ask = (): Promise<T> => withDeadline(question(), deadline);
  try {
    return await retry(ask, { forMs: ASK_FOR_MS, signal, isTransient: () => true, maxMs: 1000 });
  } catch (error) {
    throw toAsyncMcpError(error, code, what);
  }
}
