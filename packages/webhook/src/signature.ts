import { createHmac, timingSafeEqual } from 'node:crypto';
import { AsyncMcpError, functionOption, integerOption, invalidOption, knownOptions } from '@asyncmcp/core';
import { secretsOption } from './secret.js';

/**
 * The signature scheme of Standard Webhooks 1.0.0, its symmetric half: HMAC-SHA256 over `id.timestamp.body`. The body is
 * what travels, byte for byte: sign after serialising, verify before parsing.
 */

/** How far a timestamp may be from now, either way, in seconds. The libraries of Standard Webhooks take no other. */
export const DEFAULT_TOLERANCE_SECONDS = 300;

/** The longest tolerance. What is captured can be replayed for as long to a receiver that was started anew. */
export const MAX_TOLERANCE_SECONDS = 3600;

/**
 * Ids are sent in a header, so visible ASCII. Without full stops: these separate what is signed, and with one in the id the
 * same signature would be good for another cut between id, timestamp and body.
 */
const WEBHOOK_ID = /^[!-\-/-~]+$/;
const MAX_ID_LENGTH = 256;

/** Unix time in seconds, in the one way there is to write it. */
const TIMESTAMP = /^(?:0|[1-9]\d{0,11})$/;

/** Longest `webhook-signature`, in characters: 85 signatures. */
const MAX_SIGNATURE_LENGTH = 4096;

/** How one signature begins that is made by this scheme. Others, such as `v1a,`, are not ours to judge. */
const VERSION = 'v1,';

/** Length of 32 bytes in base64. */
const SIGNATURE_LENGTH = 44;

/** The headers of a signed webhook, by Standard Webhooks. */
export interface SignatureHeaders {
  /** The same for all tries of one message. */
  'webhook-id': string;
  /** When this try was signed: Unix time in seconds. */
  'webhook-timestamp': string;
  /** `v1,` and the signature in base64; one for each secret, with spaces between them. */
  'webhook-signature': string;
}

/** Signs webhooks; {@link createSigner} makes one. */
export interface Signer {
  /**
   * The headers for one try at delivering `body`. A retry has the same `webhookId` and a later timestamp, by a second at
   * least: with the same one it could not be told from a replay and is refused.
   *
   * @param timestamp - Unix time in seconds. Default: now.
   * @throws AsyncMcpError `ERR_INVALID_OPTION` for an id or a timestamp that cannot be signed
   */
  sign(webhookId: string, body: string | Uint8Array, timestamp?: number): SignatureHeaders;
}

/** Options of {@link createVerifier}. */
export interface VerifierOptions {
  /** The secrets that are good, one or several: during a rotation the old and the new one. */
  readonly secrets: string | readonly string[];
  /** How far a timestamp may be from now, either way, in seconds. Default 300. */
  readonly toleranceSeconds?: number | undefined;
  /** The clock, in milliseconds, for tests. Default Date.now. */
  readonly now?: (() => number) | undefined;
}

/** What a good signature vouches for, the body apart. */
export interface VerifiedWebhook {
  /** The `webhook-id`: the same for all tries of one message. */
  readonly id: string;
  /** When this try was signed: Unix time in seconds. */
  readonly timestamp: number;
}

/** Verifies webhooks; {@link createVerifier} makes one. */
export interface Verifier {
  /**
   * Checks that `body` was signed with one of the secrets, and not long ago. Whether it was here before is for a
   * {@link ReplayWindow} to say.
   *
   * @param headers - with names in lower case, as node gives them
   * @throws AsyncMcpError `ERR_SIGNATURE_INVALID`; `details.reason` is 'missing', 'malformed', 'stale' or 'mismatch'
   */
  verify(headers: Readonly<Record<string, unknown>>, body: string | Uint8Array): VerifiedWebhook;
}

/**
 * Signs with all of `secrets`, so that a receiver may know any one of them: that is how a secret is replaced without a pause.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION`
 */
export function createSigner(secrets: string | readonly string[]): Signer {
  const keys = secretsOption('secrets', secrets);
  return {
    sign(webhookId, body, timestamp = Math.floor(Date.now() / 1000)) {
      if (!isWebhookId(webhookId)) {
        throw invalidOption('webhookId', webhookId, '1 to 256 visible ASCII characters without spaces and full stops');
      }
      const sentAt = String(timestamp);
      if (!isTimestamp(sentAt)) throw invalidOption('timestamp', timestamp, 'Unix time in whole seconds');
      let signatures = '';
      for (const key of keys) {
        if (signatures !== '') signatures += ' ';
        signatures += VERSION + signatureOf(key, webhookId, sentAt, body);
      }
      return { 'webhook-id': webhookId, 'webhook-timestamp': sentAt, 'webhook-signature': signatures };
    },
  };
}

/**
 * Verifies against any of several secrets. How long it takes depends on the number of secrets and signatures and on the
 * body's length, never on which of them match.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION`
 */
export function createVerifier(options: VerifierOptions): Verifier {
  knownOptions('createVerifier', options, ['secrets', 'toleranceSeconds', 'now']);
  const keys = secretsOption('secrets', options.secrets);
  const toleranceSeconds = toleranceOption(options.toleranceSeconds);
  const now = functionOption('now', options.now ?? Date.now);

  return {
    verify(headers, body) {
      const id = header(headers, 'webhook-id', isWebhookId);
      const sentAt = header(headers, 'webhook-timestamp', isTimestamp);
      const claimed = claimedSignatures(headers);
      const timestamp = Number(sentAt);
      // First what costs nothing: a stranger's old or shapeless message does not get a large body hashed.
      if (Math.abs(Math.floor(now() / 1000) - timestamp) > toleranceSeconds) throw stale(timestamp, toleranceSeconds);
      if (!anyMatches(keys, claimed, id, sentAt, body)) {
        throw invalid('mismatch', 'no signature was made with a secret known here over this id, timestamp and body');
      }
      return { id, timestamp };
    },
  };
}

/**
 * Checks the option `toleranceSeconds`.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION`
 */
export function toleranceOption(value: unknown): number {
  const range = { min: 1, max: MAX_TOLERANCE_SECONDS, fallback: DEFAULT_TOLERANCE_SECONDS, unit: 'seconds' };
  return integerOption('toleranceSeconds', value, range);
}

function signatureOf(key: Buffer, id: string, sentAt: string, body: string | Uint8Array): string {
  const hmac = createHmac('sha256', key);
  const start = `${id}.${sentAt}.`;
  // Each call costs a small body as much as its hash.
  if (typeof body === 'string') hmac.update(start + body);
  else hmac.update(start).update(body);
  return hmac.digest('base64');
}

/** Compares each with each to the end. Equal length was seen to before. */
function anyMatches(
  keys: readonly Buffer[],
  claimed: readonly Buffer[],
  id: string,
  sentAt: string,
  body: string | Uint8Array,
): boolean {
  let equal = 0;
  for (const key of keys) {
    const ours = Buffer.from(signatureOf(key, id, sentAt, body), 'latin1');
    for (const theirs of claimed) equal |= Number(timingSafeEqual(ours, theirs));
  }
  return equal === 1;
}

/** The signatures of our version and length, as text: of two ways to write the same bytes in base64 only one is good. */
function claimedSignatures(headers: Readonly<Record<string, unknown>>): readonly Buffer[] {
  const claimed: Buffer[] = [];
  const list = header(headers, 'webhook-signature', isSignatureList);
  // Mostly there is one.
  for (const signature of list.includes(' ') ? list.split(' ') : [list]) {
    if (!signature.startsWith(VERSION)) continue;
    const bytes = Buffer.from(signature.slice(VERSION.length), 'utf8');
    if (bytes.length === SIGNATURE_LENGTH) claimed.push(bytes);
  }
  if (claimed.length === 0) throw invalid('malformed', 'webhook-signature has no signature of version v1');
  return claimed;
}

function isWebhookId(text: string): boolean {
  return text.length <= MAX_ID_LENGTH && WEBHOOK_ID.test(text);
}

function isTimestamp(text: string): boolean {
  return TIMESTAMP.test(text);
}

/** Node joins headers that were sent twice with a comma and a space. That is no list which a sender writes. */
function isSignatureList(text: string): boolean {
  return text.length <= MAX_SIGNATURE_LENGTH && !text.includes(', ');
}

function header(headers: Readonly<Record<string, unknown>>, name: string, isValid: (value: string) => boolean): string {
  const value = Object.hasOwn(headers, name) ? headers[name] : undefined;
  if (value === undefined || value === '') throw invalid('missing', `${name} is missing`);
  // Sent twice it is an array here or there, and the two of them joined elsewhere: neither says which one was meant.
  if (typeof value !== 'string' || !isValid(value)) throw invalid('malformed', `${name} is malformed`);
  return value;
}

function stale(timestamp: number, toleranceSeconds: number): AsyncMcpError {
  const problem = `webhook-timestamp ${timestamp} is more than ${toleranceSeconds} seconds from now; check both clocks`;
  return invalid('stale', problem);
}

function invalid(reason: 'missing' | 'malformed' | 'stale' | 'mismatch', problem: string): AsyncMcpError {
  return new AsyncMcpError('ERR_SIGNATURE_INVALID', `Webhook refused: ${problem}.`, { details: { reason } });
}
