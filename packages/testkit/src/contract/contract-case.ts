import { Stage } from './stage.js';
import type { ContractFixture } from './fixture.js';

/** One thing every transport does. */
export interface ContractCase {
  /** A sentence; also the key that `supports` exempts it by. */
  readonly name: string;
  /** Rejects when the transport does not do it. Closes all that it opens, but not the fixture. */
  run(fixture: ContractFixture): Promise<void>;
}

export interface ContractGroup {
  readonly name: string;
  readonly cases: readonly ContractCase[];
}

/** A case that plays on a {@link Stage}. */
export function contractCase(name: string, play: (stage: Stage) => Promise<void>): ContractCase {
  return {
    name,
    async run(fixture) {
      const stage = new Stage(fixture);
      try {
        await play(stage);
        stage.checkErrors();
      } finally {
        await stage.close();
      }
    },
  };
}
