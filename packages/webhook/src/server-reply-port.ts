import { AsyncMcpError, DuplicateWindow, isAsyncMcpError, isRecord, toAsyncMcpError } from '@asyncmcp/core';
import { createSigner } from './signature.js';
import type { Envelope, Logger, ReplyPort, SessionRecord } from '@asyncmcp/core';
import type { Signer } from './signature.js';
import type { UrlGuard } from './url-guard.js';
import type { UndeliveredWebhook, WebhookSender } from './webhook-sender.js';

export interface WebhookReplyPortOptions {
  readonly guard: UrlGuard;
  readonly sender: WebhookSender;
  /** The record of a session, which holds the secret that its webhooks are signed with. */
  readonly recordOf: (sessionId: string) => Promise<SessionRecord | undefined>;
  /** Told of what was never sent, with the whole of it. */
  readonly onundelivered: (failure: UndeliveredWebhook) => void;
  readonly logger: Logger;
}

/** How long a session's key is kept after it was last read from the record, in milliseconds, and how many of them. */
const SIGNERS = { ttlMs: 60 * 60_000, maxEntries: 20_000 };

/** A session that gave no secret: its webhooks are not signed. */
const UNSIGNED = 'unsigned';

/** The way replies leave a webhook server: signed with the secret that the session's client gave, where it gave one. */
export function createWebhookReplyPort(options: WebhookReplyPortOptions): ReplyPort {
  const { guard, sender, recordOf, onundelivered, logger } = options;
  const signers = new DuplicateWindow<Signer | typeof UNSIGNED>(SIGNERS);

  async function signerOf(sessionId: string, known: SessionRecord | undefined): Promise<Signer | typeof UNSIGNED> {
    const record = known ?? (await recordOf(sessionId));
    if (record === undefined) {
      const text = `Session ${sessionId} is no longer on record, and so is not how to sign what is sent to its client.`;
      throw new AsyncMcpError('ERR_DELIVERY_FAILED', text, { details: { sessionId } });
    }
    const secret = secretIn(record.initializeParams);
    const signer = secret === undefined ? UNSIGNED : createSigner(secret);
    signers.add(sessionId, signer);
    return signer;
  }

  function send(url: string, envelope: Envelope, session?: SessionRecord): Promise<void> {
    const { sessionId } = envelope;
    if (sessionId === undefined) return sender.send(url, envelope, undefined);
    const signer = signers.get(sessionId);
    return signer === undefined ? sendFirst(url, envelope, sessionId, session) : sendBy(signer, url, envelope);
  }

  /** The first message of a session, or the first after a long time. */
  async function sendFirst(
    url: string,
    envelope: Envelope,
    sessionId: string,
    session: SessionRecord | undefined,
  ): Promise<void> {
    let signer: Signer | typeof UNSIGNED;
    try {
      signer = await signerOf(sessionId, session);
    } catch (error) {
      const failure = toAsyncMcpError(error, 'ERR_DELIVERY_FAILED', 'How to sign the message could not be found out');
      onundelivered({ url, envelope, error: failure, attempts: 0 });
      throw failure;
    }
    return sendBy(signer, url, envelope);
  }

  function sendBy(signer: Signer | typeof UNSIGNED, url: string, envelope: Envelope): Promise<void> {
    return sender.send(url, envelope, signer === UNSIGNED ? undefined : signer);
  }

  async function allows(url: string): Promise<boolean> {
    try {
      await guard.check(url);
      return true;
    } catch (error) {
      if (!isAsyncMcpError(error, 'ERR_REPLY_ADDRESS_REFUSED')) throw error;
      logger.warn({ err: error }, error.message);
      return false;
    }
  }

  return { send, allows, addressOf };
}

/** The webhook URL in the params of `initialize`, whose secret is checked on the way: it would be too late when a reply is due. */
function addressOf(params: Readonly<Record<string, unknown>>): string | undefined {
  const secret = secretIn(params);
  try {
    if (secret !== undefined) createSigner(secret);
  } catch (error) {
    // Its message says what a secret has to be and never shows the value; as a cause it does not travel.
    const text = 'params._meta.webhookSecret is no signing secret: "whsec_" and 24 to 64 bytes in base64.';
    throw new AsyncMcpError('ERR_MESSAGE_INVALID', text, { cause: error });
  }
  const address = textIn(params, 'webhookUrl');
  return address === '' ? undefined : address;
}

function secretIn(params: unknown): string | undefined {
  return textIn(params, 'webhookSecret');
}

/** Whatever stands there: what is no text is no URL and no secret either, and must not pass for none. */
function textIn(params: unknown, name: string): string | undefined {
  const value = metaOf(params)[name];
  return value === undefined || typeof value === 'string' ? value : 'no text';
}

function metaOf(params: unknown): Readonly<Record<string, unknown>> {
  const meta = isRecord(params) ? params['_meta'] : undefined;
  return isRecord(meta) ? meta : {};
}
