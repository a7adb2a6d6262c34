import { buildApp } from 'fauxqs';
import { EMULATOR_REGION } from './aws-client-config.js';
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';

/** One request to the emulator, apart from the socket it came over. */
export interface AwsRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface AwsResponse {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer;
}

/** The input of an SQS action; what is in it is for fauxqs to check. */
export type SqsInput = Readonly<Record<string, unknown>>;

/**
 * fauxqs without its HTTP server, which would listen on all interfaces. Requests are injected, so its state outlives
 * whatever happens to the sockets in front of it. It knows its queues by URLs of its own; emulator-queue-urls.ts translates.
 */
export class EmulatorBackend {
  readonly #app = buildApp({ logger: false, defaultRegion: EMULATOR_REGION });

  /** Any request, as it came. */
  async handle({ method, url, headers, body }: AwsRequest): Promise<AwsResponse> {
    // without the signature everything lands in the default region, whichever the client was configured for
    const { authorization: _, ...others } = headers;
    const answer = await this.#app.inject({
      method: method as InjectableMethod,
      url,
      headers: { ...others, host: 'localhost' },
      payload: body,
    });
    return { status: answer.statusCode, headers: answer.headers, body: answer.rawPayload };
  }

  /** An SQS action in the JSON protocol. */
  sqs(action: string, input: SqsInput): Promise<AwsResponse> {
    return this.handle({
      method: 'POST',
      url: '/',
      headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': `AmazonSQS.${action}` },
      body: Buffer.from(JSON.stringify(input)),
    });
  }

  /** What fauxqs holds for a queue, without taking a message. */
  inspect(queueName: string): Promise<AwsResponse> {
    const url = `/_fauxqs/queues/${encodeURIComponent(queueName)}`;
    return this.handle({ method: 'GET', url, headers: {}, body: Buffer.alloc(0) });
  }

  async close(): Promise<void> {
    await this.#app.close();
  }
}

/** The JSON of a response that succeeded; throws what the emulator said otherwise. */
export function jsonOf<T>(response: AwsResponse): T {
  const text = response.body.toString('utf8');
  if (response.status !== 200) throw new Error(`The emulator answered ${response.status}: ${text}`);
  return JSON.parse(text) as T;
}

type InjectableMethod = 'DELETE' | 'GET' | 'HEAD' | 'OPTIONS' | 'PATCH' | 'POST' | 'PUT';
