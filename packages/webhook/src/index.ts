/**
 * MCP over webhooks: clients POST their messages to a server, and every reply is POSTed to the client's webhook, signed. Nobody
 * holds a connection while a tool runs.
 *
 * @example
 * ```ts
 * import { WebhookClientTransport, WebhookReceiver, WebhookServer } from '@asyncmcp/webhook';
 *
 * const server = new WebhookServer({ createServer: () => createMcpServer() });
 * await server.listen({ port: 8000 });
 *
 * const receiver = new WebhookReceiver();
 * await receiver.listen({ port: 8001 });
 * const transport = new WebhookClientTransport({
 *   serverUrl: 'https://mcp.example.com/mcp/request',
 *   webhookUrl: 'https://client.example.com/webhook/response',
 *   receiver,
 * });
 * await client.connect(transport);
 * ```
 *
 * @packageDocumentation
 */
export { WebhookServer } from './server.js';
export { WebhookReceiver } from './receiver.js';
export { WebhookClientTransport } from './client.js';
export { createSigner, createVerifier } from './signature.js';
export { generateSecret } from './secret.js';
export { ReplayWindow } from './replay-window.js';
export { createUrlGuard } from './url-guard.js';
export { createGuardedAgent } from './guarded-agent.js';

export type { SignatureHeaders, Signer, VerifiedWebhook, Verifier, VerifierOptions } from './signature.js';
export type { ReplayVerdict, ReplayWindowOptions } from './replay-window.js';
export type { AllowWebhookUrl, LookupAll, UrlGuard, UrlGuardOptions, WebhookUrlInfo } from './url-guard.js';
export type { GuardedAgentOptions } from './guarded-agent.js';
export type { TlsOptions } from './tls-option.js';
export type { WebhookServerOptions } from './server-options.js';
export type { HostCheckOptions } from './host-check.js';
export type { BearerAuthOptions, TokenVerifier } from './server-auth.js';
export type { UndeliveredWebhook } from './webhook-sender.js';
export type { Attachment, WebhookReceiverOptions } from './receiver.js';
export type { ReceiverClient } from './receiver-clients.js';
export type { RequestHeaders, WebhookClientTransportOptions } from './client.js';
export type { ListenOptions, ListeningAt } from './http-app.js';
