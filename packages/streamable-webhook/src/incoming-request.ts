import type { IncomingHttpHeaders } from 'node:http';

/** Headers as node has read them, as the Fetch standard shows them: to be read only. */
export class IncomingHeaders implements Pick<Headers, 'get' | 'has' | 'forEach' | 'getSetCookie'> {
  readonly #headers: IncomingHttpHeaders;
  #pairs: [string, string][] | undefined;

  constructor(headers: IncomingHttpHeaders) {
    this.#headers = headers;
  }

  get(name: string): string | null {
    const key = name.toLowerCase();
    const value = Object.hasOwn(this.#headers, key) ? this.#headers[key] : undefined;
    return value === undefined ? null : joined(value);
  }

  has(name: string): boolean {
    return this.get(name) !== null;
  }

  entries(): IterableIterator<[string, string]> {
    return this.#all().values();
  }

  keys(): IterableIterator<string> {
    return this.#all()
      .map(([name]) => name)
      .values();
  }

  values(): IterableIterator<string> {
    return this.#all()
      .map(([, value]) => value)
      .values();
  }

  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries();
  }

  forEach(callback: (value: string, name: string, headers: Headers) => void): void {
    const headers = new Headers(this.#all());
    for (const [name, value] of headers) callback(value, name, headers);
  }

  /** A request sets no cookies. */
  getSetCookie(): string[] {
    return [];
  }

  #all(): [string, string][] {
    if (this.#pairs !== undefined) return this.#pairs;
    const pairs: [string, string][] = [];
    for (const name in this.#headers) {
      const value = this.#headers[name];
      // HTTP/2 has the method and the path among them, under names that no header may have.
      if (value !== undefined && !name.startsWith(':')) pairs.push([name, joined(value)]);
    }
    return (this.#pairs = pairs);
  }
}

function joined(value: string | string[]): string {
  return typeof value === 'string' ? value : value.join(', ');
}

/** What the Fetch standard calls a request, without its body. */
export class IncomingRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHeaders;
  readonly body = null;
  readonly bodyUsed = false;
  #whole: Request | undefined;

  constructor(method: string, url: string, headers: IncomingHeaders) {
    this.method = method;
    this.url = url;
    this.headers = headers;
  }

  get signal(): AbortSignal {
    return this.clone().signal;
  }

  async text(): Promise<string> {
    return '';
  }

  async json(): Promise<unknown> {
    return this.clone().json();
  }

  /** The same as a request of Node's. */
  clone(): Request {
    const { method, url } = this;
    return (this.#whole ??= new Request(url, { method, headers: [...this.headers] }));
  }
}
