import { beforeEach, describe, expect, it } from '@jest/globals';
import { Outbox } from '../src/delivery-outbox.js';
import type { Lane, Queued } from '../src/delivery-outbox.js';

interface Message extends Queued<Message> {
  readonly name: string;
}

let begun: string[] = [];

beforeEach(() => {
  begun = [];
});

function outboxOf(maxQueuedPerSession: number): Outbox<Message> {
  return new Outbox({ maxQueuedPerSession, begin: ({ name }) => begun.push(name) });
}

function add(outbox: Outbox<Message>, name: string, lane?: Lane, session = 's'): Message {
  const message = { name, lane, session };
  outbox.add(message);
  return message;
}

describe('an outbox', () => {
  it('begins the next of a lane when the one before it is removed', async () => {
    const outbox = outboxOf(10);
    const [first, second] = [add(outbox, 'a', 1), add(outbox, 'b', 1), add(outbox, 'c', 1)];
    expect(begun).toEqual(['a']);
    outbox.remove(first);
    await Promise.resolve();
    expect(begun).toEqual(['a', 'b']);
    outbox.remove(second);
    await Promise.resolve();
    expect(begun).toEqual(['a', 'b', 'c']);
  });

  it('has lanes that do not wait for each other, 1 and "1" among them, and a general one', () => {
    const outbox = outboxOf(10);
    add(outbox, 'number', 1);
    add(outbox, 'text', '1');
    add(outbox, 'zero', 0);
    add(outbox, 'empty', '');
    add(outbox, 'general');
    add(outbox, 'behind', 1);
    add(outbox, 'behind general');
    add(outbox, 'other session', 1, 't');
    expect(begun).toEqual(['number', 'text', 'zero', 'empty', 'general', 'other session']);
  });

  it('takes so many of a session, and the rest in order', async () => {
    const outbox = outboxOf(2);
    const messages = ['a', 'b', 'c', 'd', 'e'].map((name, index) => add(outbox, name, index));
    add(outbox, 'other', 0, 't');
    expect(begun).toEqual(['a', 'b', 'other']);
    for (const message of messages) {
      outbox.remove(message);
      await Promise.resolve();
    }
    expect(begun).toEqual(['a', 'b', 'other', 'c', 'd', 'e']);
  });

  it('skips what was removed before its turn, in a lane, at its end, and before it was taken', async () => {
    const outbox = outboxOf(4);
    const [a, b, c, d, e] = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => add(outbox, name, 1));
    for (const message of [b, d, e]) if (message !== undefined) outbox.remove(message);
    for (const message of [a, c]) {
      if (message !== undefined) outbox.remove(message);
      await Promise.resolve();
    }
    expect(begun).toEqual(['a', 'c', 'f']);
  });

  it('does not begin what is removed just after its turn has come', async () => {
    const outbox = outboxOf(10);
    const [first, second] = [add(outbox, 'a', 1), add(outbox, 'b', 1), add(outbox, 'c', 1)];
    outbox.remove(first);
    outbox.remove(second);
    await Promise.resolve();
    expect(begun).toEqual(['a', 'c']);
  });

  it('keeps nothing of a session without messages', () => {
    const outbox = outboxOf(2);
    const messages = [add(outbox, 'a', 1), add(outbox, 'b', 1), add(outbox, 'c', 2), add(outbox, 'd', 1, 't')];
    expect(outbox.all()).toEqual(messages);
    expect(outbox.of('s')).toEqual(messages.slice(0, 3));
    for (const message of [...messages, ...messages]) outbox.remove(message);
    expect({ size: outbox.size, all: outbox.all(), of: outbox.of('s') }).toEqual({ size: 0, all: [], of: [] });
  });

  it('removes a long lane within begin without running out of stack', async () => {
    const count = 50_000;
    let removed = 0;
    const held = { name: 'held', lane: 1, session: 's' };
    const outbox: Outbox<Message> = new Outbox({
      maxQueuedPerSession: count,
      begin(message) {
        if (message === held) return;
        removed++;
        outbox.remove(message);
      },
    });
    outbox.add(held);
    for (let index = 1; index < count; index++) add(outbox, String(index), 1);
    outbox.remove(held);
    await new Promise(setImmediate);
    expect({ removed, left: outbox.size }).toEqual({ removed: count - 1, left: 0 });
  });
});
