/**
 * What `@asyncmcp/webhook` is made of, for transports that are made of the same: `@asyncmcp/streamable-webhook` is one. For writing a
 * transport, not for using one; it may change with any minor version.
 *
 * @packageDocumentation
 */
export { inCohorts } from './cohorts.js';
export { createAdmission, enterOrCopy } from './server-admission.js';
export { createBearerAuth } from './server-auth.js';
export { createRequestGate } from './request-gate.js';
export { createInbox } from './server-inbox.js';
export { createWebhookDelivery } from './server-delivery.js';
export { ServerLifecycle, createReporter } from './server-lifecycle.js';
export { createReceipts } from './server-receipt.js';
export { elsewhere, refusalOf, statusOf, tooMuch } from './server-refusals.js';
export {
  SENDING_SERVER_OPTION_NAMES,
  checkSendingServerOptions,
  httpUrlOption,
  maxMessageBytesOption,
} from './server-options.js';
export { createHostCheck } from './host-check.js';
export { addHealthRoute, refuseOtherMethods } from './http-app.js';
export { answerLater, httpRefusal, sendRefusal, takeJsonAsText } from './http-errors.js';
export { parseAnswer } from './http-exchange.js';
export { Header, StreamableHeader, attemptOf, decodeHeaders, encodeHeaders, takenByOf } from './http-wire.js';
export { parseRetryAfter } from './retry-after.js';
export { createResends, nextSend } from './client-resends.js';
export { againHeaders, readYes, sendUntilTaken } from './client-post.js';
export { isLost, isMethodNotFound, refusalDelivery, sessionLost } from './client-refusals.js';
export { requestHeadersOption } from './client.js';
export { tlsOption } from './tls-option.js';

export type { Admission, AdmissionOptions, Place } from './server-admission.js';
export type { Authenticate, Authenticated } from './server-auth.js';
export type { ConnectedSender, Inbox, InboxOptions, PostOutcome } from './server-inbox.js';
export type { WebhookDelivery, WebhookDeliveryOptions } from './server-delivery.js';
export type { ReporterOptions, ServerLifecycleOptions } from './server-lifecycle.js';
export type { CheckedWebhookSendingServerOptions, WebhookSendingServerOptions } from './server-options.js';
export type { HostCheck } from './host-check.js';
export type { SendReceipt } from './server-receipt.js';
export type { HttpRefusal } from './http-errors.js';
export type { Beside, ReceivedHeaders } from './http-wire.js';
export type { EncodeHeaders } from './delivery-message.js';
export type { Resendable, Resends, ResendsOptions } from './client-resends.js';
export type { PersistentSend, PostAnswer, ServerAnswer } from './client-post.js';
