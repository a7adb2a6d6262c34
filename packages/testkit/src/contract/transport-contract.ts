import { deepEqual, match } from 'node:assert/strict';
import { jestGlobals } from '../jest-globals.js';
import { activeHandles, handlesLeft } from './active-handles.js';
import { calls } from './calls.js';
import { cancellation } from './cancellation.js';
import { duplicates } from './duplicates.js';
import { hostileInput } from './hostile-input.js';
import { largeMessages } from './large-messages.js';
import { lifecycle } from './lifecycle.js';
import { protocol } from './protocol.js';
import { sdkV2 } from './sdk-v2.js';
import { serverRequests } from './server-requests.js';
import { sessions } from './sessions.js';
import type { HandleCounts } from './active-handles.js';
import type { ContractCase, ContractGroup } from './contract-case.js';
import type { ContractFixture } from './fixture.js';

/** Every case of the contract, by theme. */
export const CONTRACT: readonly ContractGroup[] = [
  protocol,
  calls,
  cancellation,
  serverRequests,
  duplicates,
  hostileInput,
  largeMessages,
  sessions,
  lifecycle,
  sdkV2,
];

export interface TransportContractOptions {
  /** The transport's name in the test report. */
  readonly name: string;
  /** Makes a fresh wire; called before every case. */
  readonly setup: () => Promise<ContractFixture>;
  /** The names of the cases that the transport cannot meet, each with the reason, in a sentence. */
  readonly supports?: Readonly<Record<string, string>>;
  /** Kinds of handles, as `process.getActiveResourcesInfo()` names them, that other parts of the test keep. Default: none. */
  readonly ignoredHandles?: readonly string[];
}

/** How long a handle may take to go away after the last case, in milliseconds. */
const HANDLES_MS = 2000;

const SENTENCE = /^\p{Lu}.{20,}\.$/u;

/** Registers the cases that every transport has to pass. Call it at the top of a test file. */
export function transportContract(options: TransportContractOptions): void {
  const { name, setup, supports = {}, ignoredHandles = [] } = options;
  const { describe, it } = jestGlobals();
  checkNames(Object.keys(supports));
  let handlesBefore: HandleCounts | undefined;

  describe(`transport contract: ${name}`, () => {
    for (const { name: theme, cases } of CONTRACT) {
      describe(theme, () => {
        for (const one of cases) {
          const reason = supports[one.name];
          if (reason === undefined) {
            it(one.name, () => {
              handlesBefore ??= activeHandles();
              return runCase(one, setup);
            });
          } else it(`${one.name} (not on this transport: ${reason})`, () => match(reason, SENTENCE));
        }
      });
    }

    it('leaves no handle open', async () => {
      deepEqual(await handlesLeft(handlesBefore ?? activeHandles(), ignoredHandles, HANDLES_MS), []);
    });
  });
}

/** Finds a case by its name, to run it without jest. */
export function contractCaseNamed(name: string): ContractCase {
  const found = CONTRACT.flatMap(({ cases }) => cases).find((one) => one.name === name);
  if (found === undefined) throw new Error(`The transport contract has no case "${name}".`);
  return found;
}

async function runCase(one: ContractCase, setup: () => Promise<ContractFixture>): Promise<void> {
  const fixture = await setup();
  try {
    await one.run(fixture);
  } finally {
    await fixture.close();
  }
}

/** An exception for a case that was renamed would except nothing; two cases of one name could not be told apart. */
function checkNames(excepted: readonly string[]): void {
  for (const name of excepted) contractCaseNamed(name);
  const names = CONTRACT.flatMap(({ cases }) => cases.map((one) => one.name));
  deepEqual(names, [...new Set(names)], 'two cases have the same name');
}
