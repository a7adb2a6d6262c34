import { AsyncMcpError, DuplicateWindow, clientIdOption, invalidOption } from '@asyncmcp/core';
import type { ClientWireEvents, InboundEnvelope } from '@asyncmcp/core';
import type { Seal, Seals } from './receiver-seal.js';

/** A client transport, as its receiver sees it. */
export interface ReceiverClient {
  /** What the client is called by servers. */
  readonly clientId: string;
  /** Undefined before the server has opened a session. */
  sessionId(): string | undefined;
  /** What it is to be told. */
  readonly events: ClientWireEvents;
}

/** A client transport's place at a receiver. */
export interface Attachment {
  /** What the server should sign with; undefined: nothing. */
  readonly secret: string | undefined;
  /** Messages for this client are refused from now on. Idempotent. */
  readonly detach: () => void;
}

/** A client, and what its messages are signed with. */
export interface AttachedClient {
  readonly client: ReceiverClient;
  readonly seal: Seal | undefined;
}

/** How many clients are remembered that have gone, and for how long, in milliseconds: as long as servers try again, by default. */
const DEPARTED = { maxEntries: 20_000, ttlMs: 30 * 60_000 };

/** The clients attached to a receiver, and whose a message is, by what stands beside it. */
export class ReceiverClients {
  readonly #byId = new Map<string, AttachedClient>();
  /** Ids of clients that were here: nothing waits for them to come. */
  readonly #departed = new DuplicateWindow<true>(DEPARTED);
  readonly #seals: Seals;
  /** Whether a message that names nobody may be claimed by what it answers: only where no signature says whose it is. */
  readonly #claims: boolean;

  constructor(seals: Seals, claims: boolean) {
    this.#seals = seals;
    this.#claims = claims;
  }

  /** @throws AsyncMcpError `ERR_INVALID_OPTION` for a client id that cannot be used, or is in use */
  attach(client: ReceiverClient): AttachedClient {
    const clientId = clientIdOption(client.clientId);
    if (clientId === undefined) throw invalidOption('clientId', clientId, '1 to 128 visible ASCII characters');
    if (this.#byId.has(clientId)) {
      const text = `Client id "${clientId}" is attached to this receiver already; give each transport a client id of its own.`;
      throw new AsyncMcpError('ERR_INVALID_OPTION', text, { details: { option: 'clientId' } });
    }
    const attached = { client, seal: this.#seals.forClient() };
    this.#departed.delete(clientId);
    this.#byId.set(clientId, attached);
    return attached;
  }

  /** Idempotent. A later client of the same id stays. */
  detach(attached: AttachedClient): void {
    const { clientId } = attached.client;
    if (this.#byId.get(clientId) !== attached) return;
    this.#byId.delete(clientId);
    this.#departed.add(clientId, true);
  }

  /** Detaches all, and returns them. */
  clear(): readonly AttachedClient[] {
    const all = [...this.#byId.values()];
    this.#byId.clear();
    return all;
  }

  /**
   * Whose a message is. All clients are looked at only where it names none, as older servers do; what session a named client
   * takes messages of is for that client to say.
   */
  find(envelope: InboundEnvelope): AttachedClient | undefined {
    const { clientId, sessionId } = envelope;
    if (clientId !== undefined) return this.#byId.get(clientId);
    if (sessionId !== undefined) {
      for (const attached of this.#byId.values()) if (attached.client.sessionId() === sessionId) return attached;
    }
    if (!this.#claims) return undefined;
    for (const attached of this.#byId.values()) if (claims(attached.client, envelope)) return attached;
    return undefined;
  }

  /** Whether a client is still here that was found. */
  isHere(attached: AttachedClient): boolean {
    return this.#byId.get(attached.client.clientId) === attached;
  }

  /** Whether a message is for a client that was here and has gone. */
  hasLeft({ clientId }: InboundEnvelope): boolean {
    return clientId !== undefined && this.#departed.has(clientId);
  }

  /** Whether a message is this client's. */
  isFor({ client }: AttachedClient, envelope: InboundEnvelope): boolean {
    const { clientId, sessionId } = envelope;
    if (clientId !== undefined) return clientId === client.clientId;
    if (sessionId !== undefined && client.sessionId() === sessionId) return true;
    return this.#claims && claims(client, envelope);
  }
}

/** A client that has a session is not sent what names another session or none. */
function claims(client: ReceiverClient, envelope: InboundEnvelope): boolean {
  return client.sessionId() === undefined && client.events.accepts(envelope);
}
