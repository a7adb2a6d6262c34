import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { ErrorCode, McpError } from '@modelcontextprotocol/sdk/types.js';
import { isRecord, isResponse } from '@asyncmcp/core';
import { createDice } from './dice.js';
import type { RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { Dice } from './dice.js';
import type { Outcome } from './ledger.js';

/** A call without an answer after this is lost, in milliseconds: longer than anything takes to be tried again. */
const LOST_AFTER_MS = 120_000;

/** Where callers write down what becomes of their calls, before anything else happens with them. */
export interface Journal {
  sent(marker: string): void;
  answered(marker: string): void;
  ended(marker: string, outcome: Outcome): void;
}

/** An MCP client whose calls are written down. */
export interface Caller {
  /** Makes one call, of whatever kind the dice say; resolves when it has ended, however. */
  call(): Promise<void>;
  close(): Promise<void>;
}

interface Plan {
  readonly milliseconds: number;
  readonly fails: boolean;
  readonly withProgress: boolean;
  readonly cancelAfterMs: number | undefined;
}

/** How long the longest calls run, in milliseconds: beyond the visibility timeout of the queues. */
const LONG_MS = 8000;

/**
 * Connects a caller.
 *
 * @param name - what its calls are called by: digits and hyphens
 * @param tools - what servers call their tool, under each way in which it is answered
 */
export async function openCaller(
  name: string,
  seed: number,
  transport: Transport,
  tools: readonly string[],
  journal: Journal,
): Promise<Caller> {
  const dice = createDice(seed);
  const client = new Client({ name: `caller-${name}`, version: '1.0.0' });
  // Of what may yet turn out well.
  client.onerror = () => {};
  const markers = new Map<RequestId, string>();
  await client.connect(transport);
  listen(transport, markers, journal);
  let made = 0;

  return {
    async call() {
      const marker = `${name}-${made++}`;
      const plan = planOf(dice);
      const tool = dice.pick(tools);
      journal.sent(marker);
      journal.ended(marker, await outcomeOf(client, tool, marker, plan));
    },
    close: () => client.close(),
  };
}

function planOf(dice: Dice): Plan {
  const isLong = dice.chance(0.003);
  const isSlow = dice.chance(0.1);
  const milliseconds = isLong ? LONG_MS : isSlow ? dice.between(100, 800) : 0;
  return {
    milliseconds,
    fails: dice.chance(0.03),
    withProgress: dice.chance(0.3),
    cancelAfterMs: dice.chance(0.02) ? dice.between(0, 500) : undefined,
  };
}

/** Notes which request a call is, and every response that is handed to the MCP client. */
function listen(transport: Transport, markers: Map<RequestId, string>, journal: Journal): void {
  const send = transport.send.bind(transport);
  transport.send = (message, options) => {
    const params: unknown = 'params' in message ? message.params : undefined;
    const given = isRecord(params) ? params['arguments'] : undefined;
    const marker = isRecord(given) ? given['marker'] : undefined;
    if ('method' in message && 'id' in message && typeof marker === 'string') markers.set(message.id, marker);
    return send(message, options);
  };
  const { onmessage } = transport;
  transport.onmessage = (message, extra) => {
    const marker = isResponse(message) && message.id !== undefined ? markers.get(message.id) : undefined;
    if (marker !== undefined) journal.answered(marker);
    onmessage?.(message, extra);
  };
}

async function outcomeOf(client: Client, name: string, marker: string, plan: Plan): Promise<Outcome> {
  const cancelling = new AbortController();
  const { milliseconds, fails, withProgress, cancelAfterMs } = plan;
  if (cancelAfterMs !== undefined) {
    void sleep(cancelAfterMs, undefined, { ref: false }).then(() => cancelling.abort());
  }
  try {
    const { content, isError } = await client.callTool(
      { name, arguments: { marker, milliseconds, fails } },
      undefined,
      {
        timeout: LOST_AFTER_MS,
        signal: cancelling.signal,
        ...(withProgress && { onprogress: () => {} }),
      },
    );
    const text = JSON.stringify(content);
    if (!text.includes(`"${fails ? `${marker} fails, as it was told to.` : marker}"`)) return { kind: 'wrong', text };
    return { kind: isError === true ? 'tool-error' : 'result' };
  } catch (error) {
    if (cancelling.signal.aborted) return { kind: 'cancelled' };
    if (error instanceof McpError && error.code === Number(ErrorCode.RequestTimeout)) return { kind: 'lost' };
    return { kind: 'error', code: codeOf(error), text: error instanceof Error ? error.message : String(error) };
  }
}

/** The code of an `AsyncMcpError`, here or at the server, or the JSON-RPC one. */
function codeOf(error: unknown): string {
  if (!isRecord(error)) return 'unknown';
  const data = error['data'];
  return String((isRecord(data) ? data['code'] : undefined) ?? error['code']);
}
