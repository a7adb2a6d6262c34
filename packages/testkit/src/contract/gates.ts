/** Named gates that tool handlers wait at until the test opens them. */
export class Gates {
  readonly #open = new Set<string>();
  readonly #waiting = new Map<string, (() => void)[]>();
  #allOpen = false;

  open(name: string): void {
    this.#open.add(name);
    for (const pass of this.#waiting.get(name) ?? []) pass();
    this.#waiting.delete(name);
  }

  /** Opens every gate, those that nobody waits at yet too. */
  openAll(): void {
    this.#allOpen = true;
    for (const name of this.#waiting.keys()) this.open(name);
  }

  /** Resolves when the gate is open, or when the signal aborts. */
  async wait(name: string, signal?: AbortSignal): Promise<void> {
    if (this.#allOpen || this.#open.has(name) || signal?.aborted === true) return;
    await new Promise<void>((resolve) => {
      this.#waiting.set(name, [...(this.#waiting.get(name) ?? []), resolve]);
      signal?.addEventListener('abort', () => resolve(), { once: true });
    });
  }
}
