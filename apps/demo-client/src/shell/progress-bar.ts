import { age, cut } from './layout.js';
import { inOneLine } from './printable.js';
import type { Progress } from '@modelcontextprotocol/sdk/types.js';
import type { PendingCall } from './pending-calls.js';

const CELLS = 8;

/** How far something is: `[█████░░░] 3/5 message`; without a total `3 message`. */
export function progressBar({ progress, total, message = '' }: Progress): string {
  const text = inOneLine(message);
  const said = text === '' ? '' : ` ${text}`;
  if (total === undefined || !(total > 0)) return `${round(progress)}${said}`;
  const filled = Math.round(Math.min(1, Math.max(0, progress / total)) * CELLS);
  return `[${'█'.repeat(filled)}${'░'.repeat(CELLS - filled)}] ${round(progress)}/${round(total)}${said}`;
}

/** A call that runs, in a line no wider than that: which, how far, and since when. */
export function callLine({ number, tool, startedAt, progress }: PendingCall, now: number, width: number): string {
  const end = `, ${age(now - startedAt)}`;
  const bar = progress === undefined ? 'nothing heard of it yet' : progressBar(progress);
  return cut(`#${number} ${tool} ${bar}`, width - end.length) + end;
}

/** As a list for as many lines; what does not fit is counted. */
export function callLines(
  calls: readonly PendingCall[],
  { now, width, height }: { now: number; width: number; height: number },
): string[] {
  const shown = calls.length > height ? calls.slice(0, height - 1) : calls;
  const lines = shown.map((call) => callLine(call, now, width));
  const hidden = calls.length - shown.length;
  return hidden === 0 ? lines : [...lines, `and ${hidden} more (pending lists them)`];
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
