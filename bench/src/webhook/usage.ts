import { subscribe } from 'node:diagnostics_channel';
import { cpuMs } from '../usage.js';
import type { DiagnosticsChannel } from 'undici';
import type { Usage } from '../usage.js';

/** Counts the HTTP requests that this process sends from now on, retries included. */
export function countRequests(): () => Usage {
  const requests: Record<string, number> = {};
  subscribe('undici:request:create', (message) => {
    const { method } = (message as DiagnosticsChannel.RequestCreateMessage).request;
    requests[String(method)] = (requests[String(method)] ?? 0) + 1;
  });
  return () => ({ requests: { ...requests }, cpuMs: cpuMs() });
}
