import { DuplicateWindow } from './duplicate-window.js';
import { AsyncMcpError, toAsyncMcpError } from './errors.js';
import type { RequestId } from '@modelcontextprotocol/sdk/types.js';

/** Bounds of what is remembered of where servers want their requests answered. */
const WINDOW = { maxEntries: 10_000, ttlMs: 48 * 60 * 60_000 };

/** Where a server wants its own requests answered, by their id; as far as the policy lets a client send there. */
export class AnswerAddresses {
  readonly #addresses = new DuplicateWindow<string, RequestId>(WINDOW);
  readonly #allows: (address: string) => boolean;
  readonly #report: (error: AsyncMcpError) => void;

  constructor(allows: (address: string) => boolean, report: (error: AsyncMcpError) => void) {
    this.#allows = allows;
    this.#report = report;
  }

  remember(id: RequestId, address: string): void {
    if (this.#isAllowed(address)) this.#addresses.add(id, address);
    else {
      const text = `A server request asks to be answered at ${address}, which the policy refuses; it is answered as usual.`;
      this.#report(new AsyncMcpError('ERR_REPLY_ADDRESS_REFUSED', text));
    }
  }

  /** Where the answer to a request goes; asked once. Undefined: as usual. */
  take(id: RequestId): string | undefined {
    const address = this.#addresses.get(id);
    this.forget(id);
    return address;
  }

  forget(id: RequestId): void {
    this.#addresses.delete(id);
  }

  /** A policy that throws, or answers anything but true, allows nothing. */
  #isAllowed(address: string): boolean {
    try {
      return this.#allows(address) === true;
    } catch (error) {
      this.#report(toAsyncMcpError(error, 'ERR_REPLY_ADDRESS_REFUSED', 'allowReplyTo failed, which counts as no'));
      return false;
    }
  }
}
