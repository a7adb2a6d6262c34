import type { IncomingHttpHeaders } from 'node:http';

/** Headers as node has read them, as the Fetch standard shows them: to be read only. */
export class IncomingHeaders implements Pick<Headers, 'get' | 'has' | 'forEach' | 'getSetCookie'> {
  readonly #headers: Readonly<Record<string, string>>;

  constructor(headers: IncomingHttpHeaders) {
    const joined: Record<string, string> = Object.create(null) as Record<string, string>;
    for (const name in headers) {
      const value = headers[name];
      if (value !== undefined) joined[name] = typeof value === 'string' ? value : value.join(', ');
    }
    this.#headers = joined;
  }

  get(name: string): string | null {
    return this.#headers[name.toLowerCase()] ?? null;
  }

  has(name: string): boolean {
    return name.toLowerCase() in this.#headers;
  }

  entries(): IterableIterator<[string, string]> {
    return Object.entries(this.#headers).values();
  }

  keys(): IterableIterator<string> {
    return Object.keys(this.#headers).values();
  }

  values(): IterableIterator<string> {
    return Object.values(this.#headers).values();
  }

  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries();
  }

  forEach(callback: (value: string, name: string, headers: Headers) => void): void {
    for (const [name, value] of this) callback(value, name, new Headers(this.#headers));
  }

  /** A request sets no cookies. */
  getSetCookie(): string[] {
    return [];
  }
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
