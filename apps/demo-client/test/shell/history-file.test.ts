import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { HistoryFile } from '../../src/shell/history-file.js';

describe('history file', () => {
  let folder: string;
  let errors: string[];
  const onError = (message: string): void => void errors.push(message);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'asyncmcp-history-'));
    errors = [];
  });

  afterEach(() => rm(folder, { recursive: true }));

  it('keeps what was typed, the newest last, for its owner', async () => {
    const path = join(folder, 'history');
    const first = new HistoryFile(path, onError);
    expect(first.lines).toEqual([]);
    first.save(['newest', 'oldest']);
    expect(await readFile(path, 'utf8')).toBe('oldest\nnewest\n');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(new HistoryFile(path, onError).lines).toEqual(['newest', 'oldest']);
    expect(errors).toEqual([]);
  });

  it('says once that it cannot', () => {
    const file = new HistoryFile(join(folder, 'nowhere', 'history'), onError);
    file.save(['a']);
    file.save(['b', 'a']);
    expect(errors).toEqual([expect.stringMatching(/^The history cannot be written: ENOENT/)]);
    expect(new HistoryFile(folder, onError).lines).toEqual([]);
    expect(errors[1]).toMatch(/^The history cannot be read: EISDIR/);
  });
});
