import type { TransportSendOptions } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { Delivery } from './delivery.js';
import type { Envelope, EnvelopeMetadata, InboundEnvelope } from './envelope.js';
import type { AsyncMcpError } from './errors.js';

/** What a client transport is told by its wire. */
export interface ClientWireEvents {
  /** Whether a message on a reply channel that others share is for this client. */
  accepts(envelope: InboundEnvelope): boolean;
  /** Takes a message in and settles it. Never rejects. */
  receive(delivery: Delivery): Promise<void>;
  /** Counts a message that this client did not accept and the channel threw away, because others have copies of their own. */
  discarded(envelope: InboundEnvelope): void;
  /** Counts a message that the channel knows this client has had, and did not hand to it again. */
  repeated(envelope: InboundEnvelope): void;
  /** Something went wrong that does not end the connection. */
  failed(error: AsyncMcpError): void;
  /** No reply can come in any more: reports it and closes, so that pending calls fail instead of waiting. */
  lost(error: AsyncMcpError): void;
}

/** What a transport adds to {@link ClientTransport}: a way out and a way in. */
export interface ClientWire {
  /** Opens the way in; resolves with the address that replies reach this client at. A failed open leaves nothing behind. */
  open(events: ClientWireEvents): Promise<string>;
  /**
   * Hands a message to the broker or server; resolves when it was taken.
   *
   * @param options - what the SDK said of it, for a wire that can resume a stream
   *
   * @throws AsyncMcpError otherwise: `ERR_SESSION_LOST` where the server says at once that it does not know the session
   */
  publish(envelope: Envelope, options?: TransportSendOptions): Promise<void>;
  /** Told that a request which was published is answered or given up, for a wire that sends again what is not. */
  answered?(id: RequestId): void;
  /** Hands a message to an address other than the server's usual one: where a server wants its own request answered. */
  publishTo(address: string, envelope: Envelope): Promise<void>;
  /** Whether {@link publishTo} may send to an address, which is a claim of whoever wrote the message. */
  allowsAddress(address: string): boolean;
  /** Asks the server to end the session. */
  terminate(metadata: EnvelopeMetadata): Promise<void>;
  /** The `initialize` params with the reply address in them, in the shape the transport's server expects. */
  withReplyAddress(initializeParams: Readonly<Record<string, unknown>>, address: string): Record<string, unknown>;
  /** Closes the way in and lets what is being sent finish. Idempotent. */
  close(): Promise<void>;
}
