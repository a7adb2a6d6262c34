import { isHeld } from './summary.js';
import type { Summary } from './summary.js';

/** What a run came to, for a terminal. */
export function printed(summary: Summary): string {
  const { transport, again, elapsedMs, memory, suspects, repeats, problems } = summary;
  const lines: [string, string][] = [
    ['calls', String(summary.calls)],
    ['results', String(summary.results)],
    ['errors of the tool, as told', String(summary.toolErrors)],
    ['cancelled by their callers', String(summary.cancelled)],
    ['abandoned: their client was killed', String(summary.abandoned)],
    ['other errors, by code', counts(summary.errors)],
    ['  that are not due', verdict(summary.unexpected)],
    ['lost', verdict(summary.lost)],
    ['answered twice', verdict(summary.answeredTwice)],
    ['answered wrongly', verdict(summary.wrong)],
    ['ran again', String(Object.values(repeats).reduce((sum, count) => sum + count, 0))],
    ['  its server was killed before the answer', String(repeats.killed)],
    ['  without that, in another process', verdict(repeats['other-process'])],
    ['  in the same process', verdict(repeats['same-process'])],
    ['faults that happened', counts(summary.faults)],
    ['  planned, but met nothing', summary.idleFaults.join(', ') || 'none'],
    ['reported by servers, by code', counts(summary.reported)],
    ["an unharmed client's heap", mebibytes(memory.callers)],
    ["an unharmed server's heap", mebibytes(memory.server)],
  ];
  const width = Math.max(...lines.map(([label]) => label.length));
  const table = lines.map(([label, value]) => `  ${label.padEnd(width)}  ${value}`);
  const seconds = (elapsedMs / 1000).toFixed(0);
  const head = `\n${transport}: ${isHeld(summary) ? 'HELD' : 'BROKEN'} in ${seconds} s; again with ${again}`;
  return [head, ...table, ...list('must not happen:', problems), ...list('to look at:', suspects), ''].join('\n');
}

function list(title: string, items: readonly string[]): string[] {
  return items.length === 0 ? [] : [`  ${title}`, ...items.map((one) => `    ${one.replaceAll('\n', '\n    ')}`)];
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
