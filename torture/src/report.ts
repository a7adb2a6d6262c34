import { isHeld } from './summary.js';
import type { Summary } from './summary.js';

/** What a run came to, for a terminal. */
export function printed(summary: Summary): string {
  const { transport, seed, elapsedMs, memory, suspects } = summary;
  const lines: [string, string][] = [
    ['calls', String(summary.calls)],
    ['results', String(summary.results)],
    ['errors of the tool, as told', String(summary.toolErrors)],
    ['cancelled by their callers', String(summary.cancelled)],
    ['other errors, by code', counts(summary.errors)],
    ['  that are not due', verdict(summary.unexpected)],
    ['lost', verdict(summary.lost)],
    ['answered twice', verdict(summary.answeredTwice)],
    ['answered wrongly', verdict(summary.wrong)],
    ['ran twice', String(summary.ranTwice)],
    ['  a copy reached another process', String(summary.ranTwiceForNothing)],
    ['faults', counts(summary.faults)],
    ['reported by servers, by code', counts(summary.reported)],
    ["callers' heap", `${mebibytes(memory.callers)}`],
    ["an unharmed server's memory", `${mebibytes(memory.server)}`],
  ];
  const width = Math.max(...lines.map(([label]) => label.length));
  const table = lines.map(([label, value]) => `  ${label.padEnd(width)}  ${value}`);
  const head = `\n${transport}: ${isHeld(summary) ? 'HELD' : 'BROKEN'} in ${(elapsedMs / 1000).toFixed(0)} s; again with --seed ${seed}`;
  const seen = suspects.length === 0 ? [] : ['  to look at:', ...suspects.map((one) => `    ${one}`)];
  return [head, ...table, ...seen, ''].join('\n');
}

function verdict(count: number): string {
  return count === 0 ? '0' : `${count}  ← must be 0`;
}

function counts(byName: Readonly<Record<string, number>>): string {
  const all = Object.entries(byName).map(([name, count]) => `${name} ${count}`);
  return all.length === 0 ? 'none' : all.join(', ');
}

function mebibytes([before, after]: readonly [number, number]): string {
  return `${before.toFixed(0)} → ${after.toFixed(0)} MiB`;
}
