import { readFile, readdir } from 'node:fs/promises';
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

/** Some are taken only now and then, when no short run would meet them. */
it('knows each action that the transports over AWS take', async () => {
  const actions = new Set<string>();
  for (const transport of ['sqs', 'sns-sqs']) {
    const folder = new URL(`../../packages/${transport}/src/`, import.meta.url);
    for (const file of await readdir(folder)) {
      const source = await readFile(new URL(file, folder), 'utf8');
      for (const [, action = ''] of source.matchAll(/new ([A-Z]\w+)Command\(/g)) actions.add(action);
    }
  }
  expect(actions.size).toBeGreaterThan(15);
  for (const action of actions) expect(dollarsFor({ [action]: 1_000_000 })).toBeGreaterThan(0.3);
});
