import { setTimeout as sleep } from 'node:timers/promises';
import type { SnsFaults, SqsFaults } from '@asyncmcp/testkit';
import type { Faults } from '../system.js';

/** What can happen to an AWS client that sends, by name. */
export function sendFaults(faults: SqsFaults): Faults {
  return {
    failSends: (dice) => faults.failSends(dice.between(1, 3)),
    failEntries: (dice) => faults.failEntries(dice.between(1, 10)),
    loseSendResponses: (dice) => faults.loseSendResponses(dice.between(1, 2)),
    duplicateSends: (dice) => faults.duplicateSends(dice.between(1, 3)),
  };
}

/** To one that publishes. */
export function publishFaults(faults: SnsFaults): Faults {
  return {
    failPublishes: (dice) => faults.failPublishes(dice.between(1, 3)),
    failPublishEntries: (dice) => faults.failPublishEntries(dice.between(1, 10)),
    losePublishResponses: (dice) => faults.losePublishResponses(dice.between(1, 2)),
    duplicatePublishes: (dice) => faults.duplicatePublishes(dice.between(1, 3)),
  };
}

/** To one that receives. */
export function receiveFaults(faults: SqsFaults): Faults {
  return {
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
