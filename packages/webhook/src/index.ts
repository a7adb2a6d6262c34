/**
 * What MCP over webhooks rests on: signatures by the Standard Webhooks scheme, and a guard that keeps a server from
 * sending to addresses only it can reach.
 *
 * @example
 * ```ts
 * import { createGuardedAgent, createSigner, createUrlGuard } from '@asyncmcp/webhook';
 *
 * const guard = createUrlGuard();
 * const agent = createGuardedAgent(guard);
 * const signer = createSigner(secretOfTheReceiver);
 *
 * const { origin, pathname, search } = await guard.check(webhookUrl);
 * const headers = { 'content-type': 'application/json', ...signer.sign(messageId, body) };
 * const response = await agent.request({ origin, path: pathname + search, method: 'POST', headers, body });
 * await response.body.dump();
 * ```
 *
 * @packageDocumentation
 */
export { createSigner, createVerifier } from './signature.js';
export { generateSecret } from './secret.js';
export { ReplayWindow } from './replay-window.js';
export { createUrlGuard } from './url-guard.js';
export { createGuardedAgent } from './guarded-agent.js';

export type { SignatureHeaders, Signer, VerifiedWebhook, Verifier, VerifierOptions } from './signature.js';
export type { ReplayVerdict, ReplayWindowOptions } from './replay-window.js';
export type { AllowWebhookUrl, LookupAll, UrlGuard, UrlGuardOptions, WebhookUrlInfo } from './url-guard.js';
export type { GuardedAgentOptions } from './guarded-agent.js';
