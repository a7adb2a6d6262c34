import { isNotification, isRecord, isRequest, isRequestId, isResponse } from './jsonrpc.js';
import type {
  JSONRPCMessage,
  JSONRPCNotification,
  JSONRPCRequest,
  RequestId,
} from '@modelcontextprotocol/sdk/types.js';

/** A request the server has open at its client. */
interface OpenRequest {
  readonly originalId: RequestId;
  readonly wireId: string;
  readonly originalToken: RequestId | undefined;
  /** Called once when the request is answered, or given up by the server. */
  readonly onDone: () => void;
}

/** What an inbound message is to the requests a server has open. */
export type Answer =
  | { readonly kind: 'ours'; readonly message: JSONRPCMessage }
  /** It answers a request of the same session that another replica has open. */
  | { readonly kind: 'foreign' }
  /** Nobody waits for it, any more or ever. */
  | { readonly kind: 'unknown' };

/** `<replica>:<number>`, so that any replica can tell its own requests from those of another. */
const WIRE_ID = /^([0-9a-f]{16}):\d{1,15}$/;

/**
 * The requests one session's server has open at its client (sampling, elicitation, roots …).
 *
 * Every server object counts its request ids from 0. Two replicas that serve one session would therefore both have a
 * request 0 open at the same client, and either could get the other's answer. So the ids travel under a name that is
 * unique to the replica and are translated back when the answer comes; progress tokens likewise, the SDK makes them of the id.
 */
export class ServerRequests {
  readonly #replicaId: string;
  readonly #byWireId = new Map<string, OpenRequest>();
  readonly #byOriginalId = new Map<RequestId, OpenRequest>();
  #count = 0;

  /** @param replicaId - 16 hexadecimal digits, different in every process and for every live server object */
  constructor(replicaId: string) {
    this.#replicaId = replicaId;
  }

  get size(): number {
    return this.#byWireId.size;
  }

  /** The message as it travels: a request under its wire id, a cancellation naming the wire id, anything else unchanged. */
  outgoing(message: JSONRPCMessage, onDone: () => void): JSONRPCMessage {
    if (isRequest(message)) return this.#open(message, onDone);
    if (isNotification(message) && message.method === 'notifications/cancelled') return this.#giveUp(message);
    return message;
  }

  /** What an inbound response or progress notification answers. */
  incoming(message: JSONRPCMessage): Answer {
    const wireId = wireIdOf(message);
    const open = wireId === undefined ? undefined : this.#byWireId.get(wireId);
    if (open !== undefined) return { kind: 'ours', message: this.#translate(message, open) };
    const replica = wireId === undefined ? undefined : WIRE_ID.exec(wireId)?.[1];
    return { kind: replica !== undefined && replica !== this.#replicaId ? 'foreign' : 'unknown' };
  }

  /** Forgets all of them, e.g. when a request could not be sent or the session ends. */
  clear(): void {
    for (const open of this.#byWireId.values()) this.#close(open);
  }

  /** Forgets one request that was not sent. */
  abandon(originalId: RequestId): void {
    const open = this.#byOriginalId.get(originalId);
    if (open !== undefined) this.#close(open);
  }

  #open(message: JSONRPCRequest, onDone: () => void): JSONRPCRequest {
    const wireId = `${this.#replicaId}:${this.#count++}`;
    const meta = message.params?._meta;
    const token = meta?.progressToken;
    const open: OpenRequest = { originalId: message.id, wireId, originalToken: token, onDone };
    this.#byWireId.set(wireId, open);
    this.#byOriginalId.set(message.id, open);
    if (token === undefined) return { ...message, id: wireId };
    return { ...message, id: wireId, params: { ...message.params, _meta: { ...meta, progressToken: wireId } } };
  }

  #giveUp(message: JSONRPCNotification): JSONRPCNotification {
    const id = message.params?.['requestId'];
    const open = isRequestId(id) ? this.#byOriginalId.get(id) : undefined;
    if (open === undefined) return message;
    this.#close(open);
    return { ...message, params: { ...message.params, requestId: open.wireId } };
  }

  #translate(message: JSONRPCMessage, open: OpenRequest): JSONRPCMessage {
    if (isResponse(message)) {
      this.#close(open);
      return { ...message, id: open.originalId };
    }
    if (!isNotification(message)) return message;
    return { ...message, params: { ...message.params, progressToken: open.originalToken } };
  }

  #close(open: OpenRequest): void {
    this.#byWireId.delete(open.wireId);
    this.#byOriginalId.delete(open.originalId);
    open.onDone();
  }
}

function wireIdOf(message: JSONRPCMessage): string | undefined {
  if (isResponse(message)) return typeof message.id === 'string' ? message.id : undefined;
  const params: unknown = message.params;
  const token = isRecord(params) ? params['progressToken'] : undefined;
  return typeof token === 'string' ? token : undefined;
}
