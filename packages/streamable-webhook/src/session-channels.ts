import { SessionChannel } from './session-channel.js';
import type { ChannelOptions } from './session-channel.js';

/** The channels of all sessions that have connections in this process, or have something under way. */
export class SessionChannels {
  readonly #options: ChannelOptions;
  readonly #open = new Map<string, SessionChannel>();
  readonly #opening = new Map<string, Promise<SessionChannel>>();

  constructor(options: ChannelOptions) {
    this.#options = options;
  }

  get(sessionId: string): SessionChannel | undefined {
    return this.#open.get(sessionId);
  }

  /** The channel of a session that exists. A promise only where there is none yet. */
  of(sessionId: string): SessionChannel | Promise<SessionChannel> {
    return this.#open.get(sessionId) ?? this.#opening.get(sessionId) ?? this.#make(sessionId);
  }

  /** A session's live server was freed, or the session ended. */
  free(sessionId: string): void {
    this.#open.get(sessionId)?.free();
  }

  async closeAll(): Promise<void> {
    const all = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(all.map((channel) => channel.close()));
  }

  async #make(sessionId: string): Promise<SessionChannel> {
    const opening = SessionChannel.open(sessionId, this.#options, () => this.#remove(sessionId));
    this.#opening.set(sessionId, opening);
    try {
      const channel = await opening;
      this.#open.set(sessionId, channel);
      return channel;
    } finally {
      this.#opening.delete(sessionId);
    }
  }

  #remove(sessionId: string): void {
    const channel = this.#open.get(sessionId);
    this.#open.delete(sessionId);
    void channel?.close();
  }
}
