import { describe, expect, it } from '@jest/globals';
import { Trace } from '../src/trace.js';

const entry = { kind: 'sent', channel: 'requests', what: 'ping #1', bytes: 10, at: 0 } as const;

describe('trace', () => {
  it('keeps what travelled until it is taken', () => {
    const trace = new Trace();
    trace.record(entry);
    expect([trace.messages, trace.bytes, trace.take(), trace.take()]).toEqual([1, 10, [entry], []]);
  });

  it('only counts, where nobody takes it', () => {
    const trace = new Trace({ countsOnly: true });
    trace.record(entry);
    expect([trace.messages, trace.bytes, trace.take()]).toEqual([1, 10, []]);
  });
});
