/**
 * The transport-neutral half of asyncmcp: envelopes, sessions, the host that serves them and the base of all client
 * transports. Applications install a transport (`@asyncmcp/sqs`, …) and import from here what they share: session stores,
 * errors, the logger's shape. Transports are written with the rest.
 *
 * @example
 * ```ts
 * import { MemorySessionStore, isAsyncMcpError } from '@asyncmcp/core';
 *
 * const store = new MemorySessionStore();
 * try {
 *   await store.put(record, 60_000);
 * } catch (error) {
 *   if (isAsyncMcpError(error, 'ERR_SESSION_STORE')) console.error(error.message);
 * }
 * ```
 *
 * @packageDocumentation
 */
export { AsyncMcpError, isAsyncMcpError, toAsyncMcpError } from './errors.js';
export { silentLogger } from './logger.js';
export {
  booleanOption,
  clientIdOption,
  functionOption,
  integerOption,
  invalidOption,
  knownOptions,
  loggerOption,
  objectOption,
  stringOption,
} from './options.js';
export {
  JsonRpcErrorCode,
  MAX_MESSAGE_DEPTH,
  checkMessage,
  errorCodeOf,
  errorResponse,
  isErrorResponse,
  isForEverybody,
  isNotification,
  isRecord,
  isRequest,
  isRequestId,
  isResponse,
  parseJson,
  parseMessage,
  parsedMessage,
} from './jsonrpc.js';
export { createEnvelope, createMetadata, messageText } from './envelope.js';
export { createDelivery } from './delivery.js';
export { decodeEnvelope, encodeEnvelope, encodeTermination, requestIdFromText } from './wire.js';
export { withDeadline } from './deadline.js';
export { backoffDelay, pause, retry, retryAfter } from './retry.js';
export { DuplicateWindow } from './duplicate-window.js';
export { TransientMap } from './transient-map.js';
export { TransientSet } from './transient-set.js';
export { MemoryCallStore } from './call-store.js';
export { MemorySessionStore } from './session-store.js';
export { SUPPORTED_PROTOCOL_VERSIONS } from './protocol-versions.js';
export { unknownSession } from './refusals.js';
export { SessionHost } from './session-host.js';
export { SERVER_OPTION_NAMES, checkServerOptions } from './host-options.js';
export { ClientTransport } from './client-transport.js';

export type { AsyncMcpErrorCode } from './errors.js';
export type { LogMethod, Logger } from './logger.js';
export type { MalformedMessage, ParsedMessage } from './jsonrpc.js';
export type { Envelope, EnvelopeMetadata, InboundEnvelope, PartialMetadata, Sender } from './envelope.js';
export type { Delivery, Settlement, WaitingSender } from './delivery.js';
export type { ReceivedAttributes, WireAttribute, WireAttributes } from './wire.js';
export type { BackoffOptions, RetryOptions } from './retry.js';
export type { DuplicateWindowOptions } from './duplicate-window.js';
export type { Place } from './transient-set.js';
export type { Refusal } from './refusals.js';
export type { CallOutcome, CallState, CallStore } from './call-store.js';
export type { SessionRecord, SessionStore } from './session-store.js';
export type { CreateServer, ServerLike, SessionInfo } from './session.js';
export type { SessionSummary, Sessions } from './session-registry.js';
export type { AllowReplyTo, ReplyAddressInfo, ReplyPort } from './reply-port.js';
export type { SessionHostOptions } from './session-host.js';
export type { CheckedServerOptions, ServerOptions } from './host-options.js';
export type { ClientTransportCounters, ClientTransportOptions } from './client-transport.js';
export type { ClientWire, ClientWireEvents } from './client-wire.js';
