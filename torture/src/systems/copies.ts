/** Which call a message makes, if any; also one that is text within the JSON of SNS. */
export function markerIn(body: string): string | undefined {
  return /marker\\?":\\?"([\d-]+)/.exec(body)?.[1];
}

/** How often each call was sent beyond the first time: twice by a fault, or again by its client. */
export class Copies {
  readonly #sent = new Map<string, number>();
  #total = 0;

  /**
   * @param body - of what is on its way to servers
   * @returns the call that it is a copy of, if any
   */
  see(body: string): string | undefined {
    const marker = markerIn(body);
    if (marker === undefined) return undefined;
    const sends = (this.#sent.get(marker) ?? 0) + 1;
    this.#sent.set(marker, sends);
    if (sends === 1) return undefined;
    this.#total += 1;
    return marker;
  }

  of(marker: string): number {
    return Math.max(0, (this.#sent.get(marker) ?? 0) - 1);
  }

  get total(): number {
    return this.#total;
  }
}
