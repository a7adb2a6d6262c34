import { setTimeout as sleep } from 'node:timers/promises';
import type { ToolExtra } from './calls.js';

/** How long the slow tools take for a step, in milliseconds: long enough to be watched. */
const STEP_MS = 100;

export interface Progress {
  readonly progress: number;
  readonly total: number;
  readonly message?: string;
}

/** Tells the caller how far its call is, if it wants to know. */
export async function sendProgress(extra: ToolExtra, progress: Progress): Promise<void> {
  const progressToken = extra._meta?.progressToken;
  if (progressToken === undefined) return;
  await extra.sendNotification({ method: 'notifications/progress', params: { progressToken, ...progress } });
}

/** Takes a step's time; rejects when the call is cancelled. */
export async function step(extra: ToolExtra): Promise<void> {
  await sleep(STEP_MS, undefined, { signal: extra.signal });
}

/** How many steps fit into a time. */
export function stepsIn(seconds: number): number {
  return Math.ceil((seconds * 1000) / STEP_MS);
}
