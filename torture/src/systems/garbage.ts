/** What nobody should send. */
export interface Garbage {
  readonly body: string;
  /** Metadata, as queues have it; over HTTP they are headers. */
  readonly attributes: Readonly<Record<string, string>>;
}

const call = (id: unknown): string =>
  JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'work' } });

export const GARBAGE: readonly Garbage[] = [
  { body: 'no JSON at all', attributes: {} },
  { body: '[]', attributes: {} },
  { body: '{"jsonrpc":"1.0","id":1,"method":"ping"}', attributes: {} },
  { body: call(1), attributes: {} },
  { body: call(1), attributes: { SessionId: '00000000-0000-4000-8000-000000000000', ClientId: 'vandal' } },
  { body: call({}), attributes: { SessionId: 'x'.repeat(3000) } },
  { body: call(1), attributes: { AsyncMcp: '{"v":1,"id":', ProtocolVersion: '1999-01-01' } },
  { body: '['.repeat(5000), attributes: {} },
  { body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: {} }), attributes: {} },
  // Almost as long as a queue and an HTTP server take, which is 1 MiB.
  { body: 'x'.repeat(1_040_000), attributes: {} },
];

/** Nothing is wrong with it but its size: more than 1 MiB, which is what queues, topics and HTTP servers take at most. */
export const OVERSIZED: string = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'work', arguments: { padding: 'x'.repeat(1_048_577) } },
});
