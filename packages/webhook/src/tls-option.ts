import { invalidOption, isRecord } from '@asyncmcp/core';
import type { ConnectionOptions } from 'node:tls';

/** What can be said about TLS: own certificate authorities, and a certificate to show. */
export type TlsOptions = Pick<ConnectionOptions, 'ca' | 'cert' | 'key'>;

const MEMBERS: readonly string[] = ['ca', 'cert', 'key'] satisfies (keyof TlsOptions)[];

/**
 * Checks the option `tls`. What is not among its members is refused rather than left out: `rejectUnauthorized`, say.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION`
 */
export function tlsOption(value: TlsOptions | undefined): TlsOptions | undefined {
  if (value === undefined) return undefined;
  const given: unknown = value;
  const isGood = isRecord(given) && Object.entries(given).every(([name, one]) => MEMBERS.includes(name) && isPem(one));
  if (isGood) return value;
  throw invalidOption('tls', value, 'an object with any of ca, cert, key, each text, bytes, or an array of them');
}

function isPem(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isPem);
  // A key may have its passphrase beside it.
  return value === undefined || typeof value === 'string' || value instanceof Uint8Array || isRecord(value);
}
