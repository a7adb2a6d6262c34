import { setTimeout as sleep } from 'node:timers/promises';
import { jestGlobals } from './jest-globals.js';
import { sessionRecord } from './session-record.js';
import { until } from './until.js';
import type { SessionRecord, SessionStore } from '@asyncmcp/core';

/** Long enough that nothing expires during a test, however slow the machine. */
const LONG_MS = 60_000;

/** Short, and never expected to be still there. */
const SHORT_MS = 30;

const ODD_IDS = [
  '../../etc/passwd',
  'a/b\\c:d*e?f',
  '.',
  ' ',
  'ünïcödé ✓ 日本語 🧵',
  'per%2Fcent',
  'line\nbreak',
  '__proto__',
  'i'.repeat(200),
];

type GetStore = () => SessionStore;

/** What is put comes back, whole and independent. */
export function recordCases(store: GetStore): void {
  const { expect, it } = jestGlobals();

  it('returns the record that was put', async () => {
    const record = sessionRecord();
    await store().put(record, LONG_MS);
    const found = await store().get(record.id);
    expect(found).toEqual(record);
    expect(JSON.parse(JSON.stringify(found))).toEqual(record);
  });

  it('returns a record that has none of the optional members', async () => {
    const { clientId: _, protocolVersion: __, ...bare } = sessionRecord({ initialized: false });
    await store().put(bare, LONG_MS);
    expect(await store().get(bare.id)).toStrictEqual(bare);
  });

  it('knows no record that was not put', async () => {
    await store().put(sessionRecord(), LONG_MS);
    expect(await store().get('another')).toBeUndefined();
  });

  it('replaces a record as a whole', async () => {
    const { clientId: _, ...replacement } = sessionRecord({ replyTo: 'https://example.com/hook', lastSeenAt: 5 });
    await store().put(sessionRecord(), LONG_MS);
    await store().put(replacement, LONG_MS);
    expect(await store().get(replacement.id)).toStrictEqual(replacement);
  });

  it('keeps records apart whose ids are odd, long or alike', async () => {
    const ids = [...ODD_IDS, `${'i'.repeat(199)}j`, 'Case', 'case'];
    for (const id of ids) await store().put(sessionRecord({ id, replyTo: `https://example.com/?${id}` }), LONG_MS);
    for (const id of ids) expect((await store().get(id))?.replyTo).toBe(`https://example.com/?${id}`);
    for (const id of ids) expect(await store().delete(id)).toBe(true);
    for (const id of ids) expect(await store().get(id)).toBeUndefined();
  });

  it('does not mix up records written one after the other', async () => {
    for (let round = 0; round < 20; round += 1) {
      await store().put(sessionRecord({ lastSeenAt: round }), LONG_MS);
      expect((await store().get('session-1'))?.lastSeenAt).toBe(round);
    }
  });
}

/** A stored record is a copy, as it would be over a network. */
export function independenceCases(store: GetStore): void {
  const { expect, it } = jestGlobals();

  it('does not notice changes made to an object after it was put', async () => {
    const record = sessionRecord();
    await store().put(record, LONG_MS);
    scribble(record);
    expect(await store().get('session-1')).toEqual(sessionRecord());
  });

  it('does not notice changes made to an object it returned', async () => {
    await store().put(sessionRecord(), LONG_MS);
    scribble(await store().get('session-1'));
    expect(await store().get('session-1')).toEqual(sessionRecord());
  });
}

/** A session that has ended stays so. */
export function endingCases(store: GetStore): void {
  const { expect, it } = jestGlobals();

  it('deletes a record once', async () => {
    await store().put(sessionRecord(), LONG_MS);
    expect(await store().delete('session-1')).toBe(true);
    expect(await store().get('session-1')).toBeUndefined();
    expect(await store().delete('session-1')).toBe(false);
  });

  it('has nothing to delete where nothing was put', async () => {
    expect(await store().delete('session-1')).toBe(false);
  });

  it('takes a record again after it was deleted', async () => {
    await store().put(sessionRecord(), LONG_MS);
    await store().delete('session-1');
    await store().put(sessionRecord({ lastSeenAt: 7 }), LONG_MS);
    expect((await store().get('session-1'))?.lastSeenAt).toBe(7);
  });

  it('sets lastSeenAt on touch, and nothing else', async () => {
    await store().put(sessionRecord(), LONG_MS);
    expect(await store().touch('session-1', 1_800_000_000_123, LONG_MS)).toBe(true);
    expect(await store().get('session-1')).toEqual(sessionRecord({ lastSeenAt: 1_800_000_000_123 }));
  });

  it('does not touch what was never put', async () => {
    expect(await store().touch('session-1', 1, LONG_MS)).toBe(false);
    expect(await store().get('session-1')).toBeUndefined();
  });

  it('does not bring a deleted record back by touching it', async () => {
    await store().put(sessionRecord(), LONG_MS);
    await store().delete('session-1');
    expect(await store().touch('session-1', 1, LONG_MS)).toBe(false);
    expect(await store().get('session-1')).toBeUndefined();
  });
}

/** Time to live. Nothing here depends on how fast the machine is. */
export function expiryCases(store: GetStore): void {
  const { expect, it } = jestGlobals();
  const expired = async () => (await store().get('session-1')) === undefined;

  it('forgets a record whose time is up', async () => {
    await store().put(sessionRecord(), SHORT_MS);
    await until(expired, { message: 'the record to expire' });
    expect(await store().touch('session-1', 1, LONG_MS)).toBe(false);
    expect(await store().delete('session-1')).toBe(false);
    expect(await store().get('session-1')).toBeUndefined();
  });

  it('counts from the last put', async () => {
    await store().put(sessionRecord(), SHORT_MS);
    await store().put(sessionRecord(), LONG_MS);
    await sleep(SHORT_MS * 2);
    expect(await expired()).toBe(false);
    await store().put(sessionRecord(), SHORT_MS);
    await until(expired, { message: 'the shorter time to count' });
  });

  it('counts from the last touch', async () => {
    await store().put(sessionRecord(), LONG_MS);
    expect(await store().touch('session-1', 1, SHORT_MS)).toBe(true);
    await until(expired, { message: 'the shorter time to count' });
  });

  it('lives on when it is touched in time', async () => {
    await store().put(sessionRecord(), 1000);
    expect(await store().touch('session-1', 1, LONG_MS)).toBe(true);
    await sleep(1100);
    expect(await expired()).toBe(false);
  });

  it('takes a record again after it expired', async () => {
    await store().put(sessionRecord(), SHORT_MS);
    await until(expired, { message: 'the record to expire' });
    await store().put(sessionRecord({ lastSeenAt: 7 }), LONG_MS);
    expect((await store().get('session-1'))?.lastSeenAt).toBe(7);
  });
}

/** Calls that overlap end as if they had come one after the other. */
export function concurrencyCases(store: GetStore): void {
  const { expect, it } = jestGlobals();

  it('keeps every one of many records', async () => {
    const ids = Array.from({ length: 50 }, (_, index) => `session-${index}`);
    await Promise.all(ids.map((id) => store().put(sessionRecord({ id }), LONG_MS)));
    const found = await Promise.all(ids.map((id) => store().get(id)));
    expect(found.map((record) => record?.id)).toEqual(ids);
  });

  it('holds one of several records put at once, in one piece', async () => {
    const records = Array.from({ length: 20 }, (_, index) => mark(sessionRecord(), index));
    await Promise.all(records.map((record) => store().put(record, LONG_MS)));
    expect(records).toContainEqual(await store().get('session-1'));
  });

  it('lets one of several deletes find the record', async () => {
    await store().put(sessionRecord(), LONG_MS);
    const results = await Promise.all(Array.from({ length: 10 }, () => store().delete('session-1')));
    expect(results.filter(Boolean)).toHaveLength(1);
  });

  it('never brings a record back by a touch beside a delete', async () => {
    await raceTouchesAgainstDelete(store(), store());
    expect(await store().get('session-1')).toBeUndefined();
  });

  it('never reads a record that is half written', async () => {
    const records = Array.from({ length: 40 }, (_, index) => mark(sessionRecord(), index));
    await store().put(mark(sessionRecord(), 0), LONG_MS);
    const reads: Promise<SessionRecord | undefined>[] = [];
    await Promise.all(
      records.map(async (record) => {
        reads.push(store().get('session-1'));
        await store().put(record, LONG_MS);
      }),
    );
    for (const record of await Promise.all(reads)) expect(records).toContainEqual(record);
  });
}

/** What one handle writes, the other sees. */
export function sharedCases(store: GetStore, other: GetStore): void {
  const { expect, it } = jestGlobals();

  it('shows a record to the other handle', async () => {
    await store().put(sessionRecord(), LONG_MS);
    expect(await other().get('session-1')).toEqual(sessionRecord());
  });

  it('shows a touch and a replacement to the other handle', async () => {
    await store().put(sessionRecord(), LONG_MS);
    expect(await other().touch('session-1', 9, LONG_MS)).toBe(true);
    expect((await store().get('session-1'))?.lastSeenAt).toBe(9);
    await other().put(sessionRecord({ initialized: false }), LONG_MS);
    expect((await store().get('session-1'))?.initialized).toBe(false);
  });

  it('ends a session for both', async () => {
    await store().put(sessionRecord(), LONG_MS);
    expect(await other().delete('session-1')).toBe(true);
    expect(await store().touch('session-1', 1, LONG_MS)).toBe(false);
    expect(await store().get('session-1')).toBeUndefined();
  });

  it('never brings a record back by a touch beside a delete through the other', async () => {
    await raceTouchesAgainstDelete(store(), other());
    expect(await store().get('session-1')).toBeUndefined();
    expect(await other().get('session-1')).toBeUndefined();
  });
}

/** Leaves the store without the record, or it is not atomic. */
async function raceTouchesAgainstDelete(touching: SessionStore, deleting: SessionStore): Promise<void> {
  for (let round = 0; round < 20; round += 1) {
    await touching.put(sessionRecord(), LONG_MS);
    const touches = () => Array.from({ length: 5 }, () => touching.touch('session-1', round, LONG_MS));
    await Promise.all([...touches(), deleting.delete('session-1'), ...touches()]);
    const left = await touching.get('session-1');
    if (left !== undefined) throw new Error(`A touch brought the record back in round ${round}`);
  }
}

/** A record whose members all tell which one it is. */
function mark(record: SessionRecord, index: number): SessionRecord {
  return { ...record, replyTo: `https://example.com/${index}`, clientId: `client-${index}`, lastSeenAt: index };
}

/** Changes an object in spite of its readonly members, at the top and further down. */
function scribble(record: SessionRecord | undefined): void {
  if (record === undefined) throw new Error('there is no record to change');
  Object.assign(record, { replyTo: 'https://example.com/scribbled' });
  Object.assign(record.initializeParams.capabilities, { scribbled: {} });
}
