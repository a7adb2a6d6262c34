import { isAsyncMcpError } from '@asyncmcp/core';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import {
  CallToolResultSchema,
  ElicitRequestSchema,
  ErrorCode,
  LoggingMessageNotificationSchema,
  McpError,
  PromptListChangedNotificationSchema,
  ResourceListChangedNotificationSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { allPages } from './pages.js';
import { inOneLine } from './printable.js';
import type { RequestOptions } from '@modelcontextprotocol/sdk/shared/protocol.js';
import type {
  CallToolResult,
  ElicitRequestFormParams,
  ElicitResult,
  GetPromptResult,
  LoggingMessageNotification,
  Prompt,
  ReadResourceResult,
  Resource,
  Tool,
} from '@modelcontextprotocol/sdk/types.js';
import type { DemoTransport } from '../steps.js';

export interface ConnectionOptions {
  readonly createTransport: () => DemoTransport;
  /** How long a request may take, in milliseconds; of calls it is their own business. */
  readonly timeoutMs: number;
  /** Told of what went wrong beside the calls. */
  readonly onError: (error: Error) => void;
  /** Told what the server says to all. */
  readonly onNews: (news: LoggingMessageNotification['params']) => void;
  /** Told when it is closed, whoever closed it. */
  readonly onClose: () => void;
  /** Answers what the server asks. */
  readonly ask: (params: ElicitRequestFormParams, signal: AbortSignal) => Promise<ElicitResult>;
}

/** What a server offers. */
export interface Catalogue {
  readonly tools: readonly Tool[];
  readonly prompts: readonly Prompt[];
  readonly resources: readonly Resource[];
}

/** Without a `timeout`, in milliseconds, somebody else has an eye on the time. */
type CallOptions = Pick<RequestOptions, 'signal' | 'onprogress' | 'timeout'>;

type List = keyof Catalogue;

/** As long as timers go. */
const NO_TIMEOUT = 2 ** 31 - 1;

/** Said by the SDK of what was given up: what came for it was on its way, and the server may be what is missing. */
const OF_NO_USE = /unknown (?:token|message ID)|Failed to send cancellation/;

/** A client that is connected to a server. */
export class Connection {
  readonly #client: Client;
  readonly #transport: DemoTransport;
  readonly #timeoutMs: number;
  /** Each fails a request that waits for its answer. */
  readonly #waiting = new Set<(reason: Error) => void>();
  #catalogue: Catalogue = { tools: [], prompts: [], resources: [] };

  private constructor(options: ConnectionOptions) {
    this.#timeoutMs = options.timeoutMs;
    this.#transport = options.createTransport();
    this.#client = new Client(
      { name: 'asyncmcp-demo-client', version: '1.0.0' },
      { capabilities: { elicitation: { form: {} } } },
    );
    this.#listen(options);
  }

  /** Connects, and asks what there is. */
  static async open(options: ConnectionOptions, signal: AbortSignal): Promise<Connection> {
    const connection = new Connection(options);
    const onAbort = (): void => void connection.#client.close();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      signal.throwIfAborted();
      await connection.#client.connect(connection.#transport, { timeout: options.timeoutMs, signal });
      for (const list of ['tools', 'prompts', 'resources'] as const) await connection.refresh(list, signal);
      return connection;
    } catch (error) {
      await connection.#client.close();
      throw error;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  get sessionId(): string | undefined {
    const { sessionId } = this.#transport;
    return sessionId === undefined ? undefined : inOneLine(sessionId);
  }

  get protocolVersion(): string | undefined {
    return this.#transport.protocolVersion;
  }

  /** Its name and version. */
  get server(): string {
    const { name, version } = this.#client.getServerVersion() ?? {};
    return [name ?? 'a server without a name', version ?? ''].join(' ').trim();
  }

  get instructions(): string | undefined {
    return this.#client.getInstructions();
  }

  get catalogue(): Catalogue {
    return this.#catalogue;
  }

  /** Asks for a list anew; the server may have none. */
  async refresh(list: List, signal?: AbortSignal): Promise<Catalogue> {
    if (this.#client.getServerCapabilities()?.[list] !== undefined)
      this.#catalogue = { ...this.#catalogue, [list]: await this.#orLost<Catalogue[List]>(this.#lists[list](signal)) };
    return this.#catalogue;
  }

  async callTool(name: string, args: Record<string, unknown>, options: CallOptions): Promise<CallToolResult> {
    const own = { timeout: NO_TIMEOUT, ...options };
    const answer = this.#client.callTool({ name, arguments: args }, undefined, own);
    return CallToolResultSchema.parse(await this.#orLost(answer));
  }

  read(uri: string, signal: AbortSignal): Promise<ReadResourceResult> {
    return this.#orLost(this.#client.readResource({ uri }, this.#options(signal)));
  }

  prompt(name: string, args: Record<string, string>, signal: AbortSignal): Promise<GetPromptResult> {
    return this.#orLost(this.#client.getPrompt({ name, arguments: args }, this.#options(signal)));
  }

  /** Ends the session; its server forgets it. */
  async end(): Promise<void> {
    await this.#transport.terminateSession();
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  /** Fails what waits for its answer with the reason why none can come: of a closed connection the SDK says only that it is closed. */
  fail(reason: Error): void {
    for (const reject of this.#waiting) reject(reason);
  }

  async #orLost<T>(answer: Promise<T>): Promise<T> {
    let reject: (reason: Error) => void = () => {};
    const lost = new Promise<never>((_resolve, fail) => {
      reject = fail;
    });
    this.#waiting.add(reject);
    try {
      return await Promise.race([answer, lost]);
    } finally {
      this.#waiting.delete(reject);
    }
  }

  readonly #lists: { readonly [each in List]: (signal?: AbortSignal) => Promise<Catalogue[each]> } = {
    tools: (signal) =>
      allPages(async (cursor) => {
        const { tools: items, nextCursor: next } = await this.#client.listTools({ cursor }, this.#options(signal));
        return { items, next };
      }),
    prompts: (signal) =>
      allPages(async (cursor) => {
        const { prompts: items, nextCursor: next } = await this.#client.listPrompts({ cursor }, this.#options(signal));
        return { items, next };
      }),
    resources: (signal) =>
      allPages(async (cursor) => {
        const page = await this.#client.listResources({ cursor }, this.#options(signal));
        return { items: page.resources, next: page.nextCursor };
      }),
  };

  #options(signal: AbortSignal | undefined): { readonly timeout: number; readonly signal?: AbortSignal } {
    return { timeout: this.#timeoutMs, ...(signal !== undefined && { signal }) };
  }

  #listen({ onError, onNews, onClose, ask }: ConnectionOptions): void {
    const client = this.#client;
    client.onclose = onClose;
    client.onerror = (error) => {
      if (isAsyncMcpError(error) || !OF_NO_USE.test(error.message)) onError(error);
    };
    client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => onNews(params));
    const refresh = (list: List) => (): void => void this.refresh(list).catch(onError);
    client.setNotificationHandler(ToolListChangedNotificationSchema, refresh('tools'));
    client.setNotificationHandler(PromptListChangedNotificationSchema, refresh('prompts'));
    client.setNotificationHandler(ResourceListChangedNotificationSchema, refresh('resources'));
    client.setRequestHandler(ElicitRequestSchema, ({ params }, { signal }) => {
      if (params.mode === 'url') throw new McpError(ErrorCode.InvalidParams, 'This client asks by forms only.');
      return ask(params, signal);
    });
  }
}
