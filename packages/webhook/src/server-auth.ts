import {
  AsyncMcpError,
  functionOption,
  invalidOption,
  isRecord,
  knownOptions,
  objectOption,
  stringOption,
  withDeadline,
} from '@asyncmcp/core';
import { httpRefusal } from './http-errors.js';
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import type { HttpRefusal } from './http-errors.js';

/** The SDK's `OAuthTokenVerifier`. Named here because that one's types need express's. */
export interface TokenVerifier {
  /**
   * What a token says of its bearer.
   *
   * @throws an error of the SDK, e.g. `InvalidTokenError`, when the token is not good
   */
  verifyAccessToken(token: string): Promise<AuthInfo>;
}

/** Who may use a server: those with a bearer token that the verifier accepts. */
export interface BearerAuthOptions {
  /** The SDK's own shape: `verifyAccessToken(token)` resolves with the token's `AuthInfo` or rejects (`InvalidTokenError`, …). */
  readonly verifier: TokenVerifier;
  /** Scopes that a token must have, all of them. Default: none. */
  readonly requiredScopes?: readonly string[] | undefined;
  /** The URI of this server that tokens must be issued for (RFC 8707). Default: not checked; the verifier may. */
  readonly expectedResource?: string | undefined;
  /** Where clients find the protected resource metadata (RFC 9728); named in `WWW-Authenticate`. Default: not named. */
  readonly resourceMetadataUrl?: string | undefined;
  /**
   * Whom a token stands for: a session serves only the principal that opened it. Default: the OAuth client id, and `extra.sub`
   * where there is one.
   */
  readonly principalOf?: ((authInfo: AuthInfo) => string) | undefined;
}

/** A request whose token is good. */
export interface Authenticated {
  /** Whom the token stands for. */
  readonly principal: string;
  /** What the verifier said of the token; handlers find it in their `extra`. */
  readonly authInfo: AuthInfo;
}

/** Checks the header `Authorization`. Resolves with a refusal (401, 403, or 503 when the verifier failed); never rejects. */
export type Authenticate = (authorization: string | undefined) => Promise<Authenticated | HttpRefusal>;

const OPTION_NAMES = ['verifier', 'requiredScopes', 'expectedResource', 'resourceMetadataUrl', 'principalOf'];

/** Longest token that is looked at, in characters. */
const MAX_TOKEN_LENGTH = 16_384;

/** What OAuth (RFC 6750, section 3.1) calls the two ways a token is not good. */
type TokenProblem = 'invalid_token' | 'insufficient_scope';

/**
 * Checks the bearer tokens of requests, and the option `auth` itself.
 *
 * @param report - told when the verifier itself failed
 * @throws AsyncMcpError `ERR_INVALID_OPTION`
 */
export function createBearerAuth(options: BearerAuthOptions, report: (error: AsyncMcpError) => void): Authenticate {
  if (!isRecord(options)) throw invalidOption('auth', options, 'an object with a verifier');
  knownOptions('auth', options, OPTION_NAMES);
  const verifier = objectOption('auth.verifier', options.verifier, ['verifyAccessToken']);
  const scopes = scopesOption(options.requiredScopes ?? []);
  const principalOf = functionOption('auth.principalOf', options.principalOf ?? defaultPrincipal);
  const expected =
    options.expectedResource === undefined
      ? undefined
      : comparable(stringOption('auth.expectedResource', options.expectedResource));
  const metadataUrl = options.resourceMetadataUrl;
  const challenge = challenger(
    scopes,
    metadataUrl === undefined ? undefined : stringOption('auth.resourceMetadataUrl', metadataUrl),
  );

  async function verify(token: string): Promise<Authenticated | HttpRefusal> {
    const authInfo = await withDeadline(verifier.verifyAccessToken(token), {
      timeoutMs: VERIFIER_TIMEOUT_MS,
      what: 'Verifying a token',
    });
    const problem = problemOf(authInfo, expected);
    if (problem !== undefined) return challenge('invalid_token', problem);
    if (!scopes.every((scope) => authInfo.scopes.includes(scope))) {
      return challenge('insufficient_scope', 'The token lacks a scope');
    }
    const principal = principalOf(authInfo);
    if (typeof principal === 'string' && principal !== '') return { principal, authInfo };
    throw new AsyncMcpError('ERR_INVALID_OPTION', 'auth.principalOf returned no name; return a non-empty string.');
  }

  return async (authorization) => {
    const token = tokenIn(authorization);
    if (token === undefined) return challenge('invalid_token', 'Send a token: "Authorization: Bearer <token>"');
    try {
      return await verify(token);
    } catch (error) {
      const problem = tokenProblem(error);
      if (problem !== undefined) return challenge(problem, 'The token was refused');
      report(new AsyncMcpError('ERR_INTERNAL', 'auth.verifier failed; its caller was told 503.', { cause: error }));
      const text = 'The token cannot be checked for now; send the message again later.';
      return httpRefusal(503, new AsyncMcpError('ERR_UNAVAILABLE', text), { 'retry-after': '1' });
    }
  };
}

/** How long a verifier may take, in milliseconds. */
const VERIFIER_TIMEOUT_MS = 10_000;

/** Whether the header `Authorization` came to a refusal. */
export function isRefusal(outcome: Authenticated | HttpRefusal): outcome is HttpRefusal {
  return 'status' in outcome;
}

function challenger(
  scopes: readonly string[],
  resourceMetadataUrl: string | undefined,
): (problem: TokenProblem, text: string) => HttpRefusal {
  const metadata = resourceMetadataUrl === undefined ? [] : [`resource_metadata="${quotable(resourceMetadataUrl)}"`];
  const scope = scopes.length === 0 ? [] : [`scope="${scopes.join(' ')}"`];
  return (problem, text) => {
    const parts = [`Bearer error="${problem}"`, `error_description="${quotable(text)}"`, ...scope, ...metadata];
    const error = new AsyncMcpError('ERR_ACCESS_DENIED', `${text}.`);
    return httpRefusal(problem === 'invalid_token' ? 401 : 403, error, { 'www-authenticate': parts.join(', ') });
  };
}

function quotable(text: string): string {
  return text.replace(/[^\x20-\x7e]|["\\]/g, "'");
}

function tokenIn(authorization: string | undefined): string | undefined {
  if (authorization === undefined || authorization.length > MAX_TOKEN_LENGTH) return undefined;
  return /^Bearer +([\w.~+/-]+=*)$/i.exec(authorization)?.[1];
}

/** As the SDK's own middleware: a token that never expires is not accepted. */
function problemOf({ expiresAt, resource }: AuthInfo, expected: string | undefined): string | undefined {
  if (typeof expiresAt !== 'number' || Number.isNaN(expiresAt)) return 'The token has no expiration time';
  if (expiresAt < Date.now() / 1000) return 'The token has expired';
  if (expected === undefined || (resource !== undefined && comparable(String(resource)) === expected)) return undefined;
  return 'The token was not issued for this server';
}

/** Without fragment and trailing slash. */
function comparable(resource: string): string {
  return resource.replace(/#.*$/s, '').replace(/\/$/, '');
}

/** By the code, not the class: the verifier may be of another copy or major of the SDK. */
function tokenProblem(error: unknown): TokenProblem | undefined {
  const code = typeof error === 'object' && error !== null && 'errorCode' in error ? error.errorCode : undefined;
  return code === 'invalid_token' || code === 'insufficient_scope' ? code : undefined;
}

function defaultPrincipal({ clientId, extra }: AuthInfo): string {
  const subject = isRecord(extra) ? extra['sub'] : undefined;
  return JSON.stringify(typeof subject === 'string' ? [clientId, subject] : [clientId]);
}

function scopesOption(value: unknown): readonly string[] {
  const isScope = (scope: unknown): scope is string =>
    typeof scope === 'string' && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope);
  if (Array.isArray(value) && value.every(isScope)) return value.slice();
  throw invalidOption('auth.requiredScopes', value, 'an array of OAuth scopes');
}
