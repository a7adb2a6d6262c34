import type { ClientSide } from '../client-side.js';
import type { Style } from '../style.js';
import type { Trace } from '../trace.js';

export interface ShellOptions {
  readonly side: Pick<ClientSide, 'createTransport' | 'transport' | 'requests' | 'replies'>;
  readonly style: Style;
  /** How long a request may take, and how long a call may be silent, in milliseconds. */
  readonly timeoutMs: number;
  /** Counts what travels. */
  readonly trace: Pick<Trace, 'messages' | 'bytes'>;
  /** Aborted when all is to end. */
  readonly signal: AbortSignal;
}
