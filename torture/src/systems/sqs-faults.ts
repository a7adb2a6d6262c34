import { setTimeout as sleep } from 'node:timers/promises';
import type { SqsFaults } from '@asyncmcp/testkit';
import type { Dice } from '../dice.js';

type Fault = (dice: Dice) => void | Promise<void>;

/** What can happen to an AWS client, by name. */
export function sqsFaults(faults: SqsFaults): Readonly<Record<string, Fault>> {
  return {
    failSends: (dice) => faults.failSends(dice.between(1, 3)),
    failEntries: (dice) => faults.failEntries(dice.between(1, 10)),
    loseSendResponses: (dice) => faults.loseSendResponses(dice.between(1, 2)),
    duplicateSends: (dice) => faults.duplicateSends(dice.between(1, 3)),
    failReceives: (dice) => faults.failReceives(dice.between(1, 2)),
    reorderReceives: (dice) => faults.reorderReceives(dice.between(1, 1000)),
    dropDeletes: (dice) => faults.dropDeletes(dice.between(1, 20)),
    async delayReceives(dice) {
      faults.delayReceives(dice.between(50, 800));
      await sleep(dice.between(200, 1000), undefined, { ref: false });
      faults.delayReceives(0);
    },
  };
}
