import { describe, expect, it } from '@jest/globals';
import { createEventReader } from '../src/event-reader.js';

describe('createEventReader', () => {
  function read(text: string, pieceBytes = Infinity): string[] {
    const events: string[] = [];
    const take = createEventReader((data) => void events.push(data));
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length; at += pieceBytes) take(bytes.subarray(at, at + pieceBytes));
    return events;
  }

  it.each([Infinity, 7, 1])('reads events from pieces of %s bytes', (pieceBytes) => {
    const text = 'event: message\nid: 1\ndata: {"a":"ü"}\n\ndata: one\ndata: two\n\n';
    expect(read(text, pieceBytes)).toEqual(['{"a":"ü"}', 'one\ntwo']);
    expect(read(text.replaceAll('\n', '\r\n'))).toEqual(['{"a":"ü"}', 'one\ntwo']);
  });

  it('takes neither comments nor empty events for events', () => {
    expect(read(': keep-alive\n\nid: 7\ndata: \n\nretry: 100\n\n')).toEqual([]);
  });

  it('waits for the end of an event', () => {
    expect(read('data: {"a":1}\n')).toEqual([]);
  });
});
