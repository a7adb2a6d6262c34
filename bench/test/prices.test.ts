import { expect, it } from '@jest/globals';
import { dollarsFor } from '../src/prices.js';

it('counts a call of one message at a time over SQS as six requests', () => {
  const requests = { SendMessage: 2_000_000, ReceiveMessage: 2_000_000, DeleteMessage: 2_000_000 };
  expect(dollarsFor(requests)).toBeCloseTo(2.4);
});

it('counts what goes to a topic at the price of SNS', () => {
  const requests = { Publish: 2_000_000, ReceiveMessage: 2_000_000, DeleteMessage: 2_000_000 };
  expect(dollarsFor(requests)).toBeCloseTo(2.6);
});

it('counts a batch as one request', () => {
  expect(dollarsFor({ SendMessageBatch: 1_000_000, PublishBatch: 1_000_000 })).toBeCloseTo(0.9);
});

it('does not take an action for free that it does not know', () => {
  expect(() => dollarsFor({ ListQueues: 1 })).toThrow('ListQueues');
});
