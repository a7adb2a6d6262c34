import { createVerifier, toleranceOption } from './signature.js';
import { ReplayWindow } from './replay-window.js';
import { generateSecret, secretsOption } from './secret.js';
import type { Verifier } from './signature.js';

/** A set of secrets, and what was signed with them before: ids mean nothing beyond the secrets they were signed with. */
export interface Seal {
  /** What servers are to sign with. */
  readonly secret: string;
  readonly verifier: Verifier;
  readonly window: ReplayWindow;
}

/** How the clients of one receiver are sealed. */
export interface Seals {
  /** The one of all clients, if they share it. */
  readonly shared: Seal | undefined;
  /** For a client that attaches; undefined where nothing is signed. */
  forClient(): Seal | undefined;
}

/**
 * Ids remembered of all clients together, about 200 bytes each. A sender's try may be older than the last half of them to come:
 * with 2,000 messages a second, by 50 seconds.
 */
const SHARED_ENTRIES = 200_000;

/**
 * Checks the options `secrets` and `toleranceSeconds`.
 *
 * @param secrets - undefined: each client has a secret of its own; false: nothing is signed
 * @throws AsyncMcpError `ERR_INVALID_OPTION`
 */
export function createSeals(secrets: string | readonly string[] | false | undefined, tolerance: unknown): Seals {
  const toleranceSeconds = toleranceOption(tolerance);
  if (secrets === false) return { shared: undefined, forClient: () => undefined };
  if (secrets === undefined) {
    return { shared: undefined, forClient: () => createSeal(generateSecret(), [], { toleranceSeconds }) };
  }
  secretsOption('secrets', secrets);
  const [first = '', ...others] = typeof secrets === 'string' ? [secrets] : secrets;
  const shared = createSeal(first, others, { toleranceSeconds, maxEntries: SHARED_ENTRIES });
  return { shared, forClient: () => shared };
}

interface SealOptions {
  readonly toleranceSeconds: number;
  readonly maxEntries?: number;
}

function createSeal(secret: string, others: readonly string[], options: SealOptions): Seal {
  const { toleranceSeconds } = options;
  const verifier = createVerifier({ secrets: [secret, ...others], toleranceSeconds });
  return { secret, verifier, window: new ReplayWindow(options) };
}
