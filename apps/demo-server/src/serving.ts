import type { Sessions } from '@asyncmcp/core';

/** A server that takes requests, over whichever transport. */
export interface Serving {
  /** Where requests come to, after "takes requests". */
  readonly where: string;
  readonly sessions: Sessions;
  /** Lets the calls that run finish, and frees everything. */
  close(): Promise<void>;
}
