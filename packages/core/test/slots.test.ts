import { describe, expect, it } from '@jest/globals';
import { Slots } from '../src/slots.js';

const never = new AbortController().signal;

describe('Slots', () => {
  it('gives slots in the order they were asked for', async () => {
    const slots = new Slots(1);
    const order: number[] = [];
    await slots.acquire(never);
    const waiting = [1, 2, 3].map(async (n) => {
      await slots.acquire(never);
      order.push(n);
      slots.release();
    });
    slots.release();
    await Promise.all(waiting);
    expect(order).toEqual([1, 2, 3]);
    expect(slots.taken).toBe(0);
  });

  it('lets a waiting one go without using up a slot', async () => {
    const slots = new Slots(1);
    await slots.acquire(never);
    const controller = new AbortController();
    const waiting = slots.acquire(controller.signal);
    controller.abort(new Error('cancelled'));
    await expect(waiting).rejects.toThrow('cancelled');
    slots.release();
    expect(slots.taken).toBe(0);
    await slots.acquire(never);
    expect(slots.taken).toBe(1);
  });

  it('admits nobody while work that went on without waiting is above the limit', async () => {
    const slots = new Slots(1);
    slots.take();
    slots.take();
    let admitted = false;
    const waiting = slots.acquire(never).then(() => (admitted = true));
    slots.release();
    await Promise.resolve();
    expect(admitted).toBe(false);
    slots.release();
    await waiting;
    expect(slots.taken).toBe(1);
  });
});
