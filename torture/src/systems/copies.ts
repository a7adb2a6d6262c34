/** How often each call was posted beyond the first time: twice by a fault, or again by its client. */
export class Copies {
  readonly #posts = new Map<string, number>();
  #total = 0;

  /** @param body - of a request that is on its way to a server */
  see(body: string): void {
    const marker = /"marker":"([\d-]+)"/.exec(body)?.[1];
    if (marker === undefined) return;
    const posts = (this.#posts.get(marker) ?? 0) + 1;
    this.#posts.set(marker, posts);
    if (posts > 1) this.#total += 1;
  }

  of(marker: string): number {
    return Math.max(0, (this.#posts.get(marker) ?? 0) - 1);
  }

  get total(): number {
    return this.#total;
  }
}
