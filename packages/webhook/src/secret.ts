import { randomBytes } from 'node:crypto';
import { AsyncMcpError, invalidOption } from '@asyncmcp/core';

const PREFIX = 'whsec_';

/** By the Standard Webhooks specification, "Signature scheme": 192 to 512 bits. */
const MIN_BYTES = 24;
const MAX_BYTES = 64;

/** Most secrets at once. A rotation takes two; each one more costs a signature, and a comparison at the other end. */
export const MAX_SECRETS = 8;

/** A new signing secret: `whsec_` and 32 random bytes. */
export function generateSecret(): string {
  return PREFIX + randomBytes(32).toString('base64');
}

/**
 * Checks an option that holds one signing secret or several. Returns their bytes.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION`, which never shows the value, not even a wrong one: it may be a secret all the same
 */
export function secretsOption(name: string, value: unknown): readonly Buffer[] {
  if (typeof value === 'string') return [secretBytes(name, value)];
  if (!Array.isArray(value)) throw invalidOption(name, value, 'a secret or an array of them');
  if (value.length === 0 || value.length > MAX_SECRETS) {
    throw invalidOption(name, value.length, `an array of 1 to ${MAX_SECRETS} secrets`);
  }
  return value.map((secret: unknown, index) => secretBytes(`${name}[${index}]`, secret));
}

function secretBytes(name: string, secret: unknown): Buffer {
  const allowed = `"${PREFIX}" followed by ${MIN_BYTES} to ${MAX_BYTES} bytes in base64`;
  if (typeof secret !== 'string') throw invalidOption(name, secret, allowed);
  const wrong = (problem: string): AsyncMcpError =>
    new AsyncMcpError('ERR_INVALID_OPTION', `Option "${name}" ${problem}, but must be ${allowed}.`, {
      details: { option: name, allowed },
    });
  if (!secret.startsWith(PREFIX)) throw wrong(`does not begin with "${PREFIX}"`);
  const encoded = secret.slice(PREFIX.length);
  const bytes = Buffer.from(encoded, 'base64');
  // Buffer skips what is not base64: another secret than the one meant would sign, and nobody know why it does not verify.
  if (bytes.toString('base64') !== encoded) throw wrong('is not in base64 with its padding');
  if (bytes.length < MIN_BYTES || bytes.length > MAX_BYTES) throw wrong(`has ${bytes.length} bytes`);
  return bytes;
}
