import { request } from 'undici';

/** What a server answered. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Parsed; a string where it is no JSON. */
  readonly body: unknown;
}

export async function http(
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  url: string,
  { headers = {}, body }: { headers?: Record<string, string>; body?: string | object } = {},
): Promise<Answer> {
  const text = typeof body === 'object' ? JSON.stringify(body) : body;
  const type = text === undefined ? {} : { 'content-type': 'application/json' };
  const response = await request(url, {
    method,
    headers: { ...type, ...headers },
    ...(text !== undefined && { body: text }),
  });
  const answered = await response.body.text();
  return { status: response.statusCode, headers: response.headers, body: parsed(answered) };
}

/** The `initialize` of a client that has its replies sent to a URL. */
export function initialize(webhookUrl: string, id: string | number = 1, meta: object = {}): object {
  const clientInfo = { name: 'by-hand', version: '1.0.0' };
  const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo, _meta: { webhookUrl, ...meta } };
  return { jsonrpc: '2.0', id, method: 'initialize', params };
}

export function ping(id: string | number): object {
  return { jsonrpc: '2.0', id, method: 'ping' };
}

export function toolCall(id: string | number, name: string): object {
  return { jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: {} } };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
