import { setTimeout as sleep } from 'node:timers/promises';
import type { SnsFaults, SqsFaults } from '@asyncmcp/testkit';
import type { Dice } from '../dice.js';

/** What can be done to the AWS clients of a process. */
export interface AwsFaults {
  readonly sqs: SqsFaults;
  readonly sns: SnsFaults;
}

type AwsFault = (faults: AwsFaults, dice: Dice) => void | Promise<void>;

const SENDING: Readonly<Record<string, AwsFault>> = {
  failSends: ({ sqs }, dice) => sqs.failSends(dice.between(1, 3)),
  failEntries: ({ sqs }, dice) => sqs.failEntries(dice.between(1, 10)),
  loseSendResponses: ({ sqs }, dice) => sqs.loseSendResponses(dice.between(1, 2)),
  duplicateSends: ({ sqs }, dice) => sqs.duplicateSends(dice.between(1, 3)),
};

const PUBLISHING: Readonly<Record<string, AwsFault>> = {
  failPublishes: ({ sns }, dice) => sns.failPublishes(dice.between(1, 3)),
  failPublishEntries: ({ sns }, dice) => sns.failPublishEntries(dice.between(1, 10)),
  losePublishResponses: ({ sns }, dice) => sns.losePublishResponses(dice.between(1, 2)),
  duplicatePublishes: ({ sns }, dice) => sns.duplicatePublishes(dice.between(1, 3)),
};

const RECEIVING: Readonly<Record<string, AwsFault>> = {
  failReceives: ({ sqs }, dice) => sqs.failReceives(dice.between(1, 2)),
  reorderReceives: ({ sqs }, dice) => sqs.reorderReceives(dice.between(1, 1000)),
  dropDeletes: ({ sqs }, dice) => sqs.dropDeletes(dice.between(1, 20)),
  async delayReceives({ sqs }, dice) {
    sqs.delayReceives(dice.between(50, 800));
    await sleep(dice.between(200, 1000), undefined, { ref: false });
    sqs.delayReceives(0);
  },
};

/** What can happen to the AWS clients of a transport, at either end, by name. */
export const AWS_FAULTS = {
  sqs: { ...SENDING, ...RECEIVING },
  'sns-sqs': { ...PUBLISHING, ...RECEIVING },
} as const satisfies Readonly<Record<string, Readonly<Record<string, AwsFault>>>>;
