import { createHash } from 'node:crypto';
import type { SessionRecord } from '@asyncmcp/core';

/** What `touch` changes of a record. Milliseconds since the epoch. */
export interface SessionTimes {
  readonly lastSeenAt: number;
  readonly expiresAt: number;
}

/** Bytes of the first line. The times are overwritten in place, so it must not grow. */
export const TIMES_LENGTH = 128;

/**
 * The first line of a session's file. It carries a checksum: a reader may see it half overwritten, since POSIX leaves
 * a read beside a write to the file system.
 */
export function formatTimes(times: SessionTimes): string {
  const { lastSeenAt, expiresAt } = times;
  return JSON.stringify({ lastSeenAt, expiresAt, check: checksum(times) }).padEnd(TIMES_LENGTH - 1) + '\n';
}

/** Throws when the line is damaged or half overwritten. */
export function parseTimes(line: string): SessionTimes {
  const { lastSeenAt, expiresAt, check } = JSON.parse(line) as Record<string, unknown>;
  if (typeof lastSeenAt !== 'number' || typeof expiresAt !== 'number') throw new Error('no times in it');
  if (check !== checksum({ lastSeenAt, expiresAt })) throw new Error('its checksum is wrong');
  return { lastSeenAt, expiresAt };
}

/** A whole file: the times, and on the second line the record. */
export function formatSession(record: SessionRecord, times: SessionTimes): string {
  return `${formatTimes(times)}${JSON.stringify(record)}\n`;
}

/** Throws unless the file is whole and holds the session `id`. */
export function parseSession(id: string, text: string): { record: SessionRecord; times: SessionTimes } {
  const times = parseTimes(text.slice(0, TIMES_LENGTH));
  const record = JSON.parse(text.slice(TIMES_LENGTH)) as SessionRecord | null;
  if (record?.id !== id) throw new Error('its file holds no record of it');
  return { record: { ...record, lastSeenAt: times.lastSeenAt }, times };
}

/** Any id as a file name: ids may hold slashes, be longer than a file name, or differ in case alone. */
export function fileNameOf(id: string): string {
  return `${createHash('sha256').update(id).digest('hex')}.session`;
}

function checksum({ lastSeenAt, expiresAt }: SessionTimes): string {
  return createHash('sha256').update(`${lastSeenAt} ${expiresAt}`).digest('hex').slice(0, 16);
}
