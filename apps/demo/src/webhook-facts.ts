import { createConnection } from 'node:net';

/** What the health route answers: `200 {"status":"ok"}`. */
export async function healthOf(serverUrl: string): Promise<string> {
  const response = await fetch(new URL('/health', serverUrl));
  const text = await response.text();
  if (response.status !== 200) throw new Error(`GET /health was answered ${response.status} ${text}.`);
  return `${response.status} ${text}`;
}

/** Where clouds keep their machines' credentials: what a server must never be made to post to. */
const METADATA_URL = 'http://169.254.169.254/latest/meta-data';

/** What a client is answered that wants its replies posted there. */
export async function refusalOfGuard(serverUrl: string): Promise<string> {
  const params = {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'asyncmcp-demo-stranger', version: '1.0.0' },
    _meta: { webhookUrl: METADATA_URL },
  };
  const response = await fetch(serverUrl, {
    method: 'POST',
    headers: {
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      'x-client-id': 'stranger',
      'x-method': 'initialize',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params }),
  });
  const { status } = response;
  const text = await response.text();
  const code = /"code":"(ERR_\w+)"/.exec(text)?.[1] ?? text;
  if (status === 400 && code === 'ERR_REPLY_ADDRESS_REFUSED') return `${status} refused`;
  throw new Error(`A session with replies to ${METADATA_URL} was answered ${status} ${code}.`);
}

/** What a browser is answered that has a page of somebody else's open, and was told that its host is here. */
export async function refusalOfOrigin(serverUrl: string): Promise<string> {
  const origin = 'https://attacker.example';
  const { status } = await fetch(serverUrl, { method: 'DELETE', headers: { origin } });
  if (status === 403) return `${status} refused`;
  throw new Error(`A request from a page of ${origin} was answered ${status}.`);
}

export function isListening(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = createConnection({ host: hostname, port: Number(port) });
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
