#!/usr/bin/env node
/**
 * Whether the demo server of this container takes requests: `node health-check.js`, for HEALTHCHECK. Exits with 0 if it does, with 1
 * if not. Uses nothing but node, which is all that the image has.
 */
const { ASYNCMCP_TRANSPORT: transport, ASYNCMCP_PORT: port } = process.env;

/** Less than HEALTHCHECK's own time, to say why. */
const TIMEOUT_MS = 2000;

async function check(): Promise<string> {
  if (transport !== 'webhook' && transport !== 'streamable-webhook') {
    // It listens nowhere. What it does with its queue, the queue's metrics say.
    return 'over queues there is nobody to ask: the process is there';
  }
  const url = `http://127.0.0.1:${port === undefined || port === '' ? '8000' : port}/health`;
  const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!response.ok) throw new Error(`${url} answered with status ${response.status}`);
  return `${url} answered with status ${response.status}`;
}

try {
  console.log(await check());
} catch (error) {
  const { message, cause } = error as Error;
  console.error(cause instanceof Error ? `${message}: ${cause.message}` : message);
  process.exitCode = 1;
}
export {};
