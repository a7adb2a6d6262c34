import { describe, expect, it } from '@jest/globals';
import { Slots } from '../src/slots.js';

describe('Slots', () => {
  it('gives slots in the order they were asked for', () => {
    const slots = new Slots(1);
    const order: number[] = [];
    expect(slots.tryTake()).toBe(true);
    for (const n of [1, 2, 3]) slots.wait(() => order.push(n));
    expect(slots.tryTake()).toBe(false);
    for (let n = 0; n < 4; n++) slots.release();
    expect(order).toEqual([1, 2, 3]);
    expect(slots.taken).toBe(0);
  });

  it('lets a waiting one go without using up a slot', () => {
    const slots = new Slots(1);
    slots.take();
    let granted = false;
    const giveUp = slots.wait(() => (granted = true));
    giveUp();
    slots.release();
    expect(granted).toBe(false);
    expect(slots.tryTake()).toBe(true);
  });

  it('lets nobody overtake those who wait', () => {
    const slots = new Slots(1);
    slots.take();
    slots.take();
    slots.wait(() => {});
    slots.release();
    expect(slots.tryTake()).toBe(false);
  });

  it('admits nobody while work that went on without waiting is above the limit', () => {
    const slots = new Slots(1);
    slots.take();
    slots.take();
    let granted = false;
    slots.wait(() => (granted = true));
    slots.release();
    expect(granted).toBe(false);
    slots.release();
    expect(granted).toBe(true);
    expect(slots.taken).toBe(1);
  });
});
