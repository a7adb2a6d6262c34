import type { ComparisonPlan, LoadsPlan } from './compare.js';
import type { GrowthPlan } from './growth/measure.js';

export interface Settings {
  readonly oneAtATime: ComparisonPlan;
  readonly manyInFlight: ComparisonPlan;
  readonly loads: LoadsPlan;
  readonly growth: GrowthPlan;
  readonly idle: {
    readonly sessions: number;
    /** Sessions opened before anything counts. */
    readonly warmUpSessions: number;
    /** How long nothing happens, in milliseconds. */
    readonly windowMs: number;
  };
  /** What HTTP is asked otherwise than queues. */
  readonly webhook: {
    readonly manyInFlight: ComparisonPlan;
    /** The MCP SDK without this project. */
    readonly sdk: ComparisonPlan;
    /** What it compares differs by little: more rounds, so that chance does not decide. */
    readonly signing: ComparisonPlan;
    readonly idle: {
      readonly sessions: number;
      /** Sessions opened before anything counts. */
      readonly warmUpSessions: number;
      /** How long the server may take to let go of its last socket, in milliseconds. */
      readonly quietWithinMs: number;
    };
  };
  readonly streamableWebhook: {
    readonly manyInFlight: ComparisonPlan;
    readonly pending: {
      readonly calls: number;
      /** How long the server may take to let go of its last socket, in milliseconds. */
      readonly quietWithinMs: number;
    };
  };
}

export const FULL: Settings = {
  oneAtATime: { calls: 200, inFlight: 1, starts: 3, rounds: 6, warmUpCalls: 4_000 },
  manyInFlight: { calls: 4_000, inFlight: 200, starts: 3, rounds: 4, warmUpCalls: 16_000 },
  loads: {
    starts: 2,
    rounds: 4,
    warmUpCalls: 16_000,
    loads: [
      { inFlight: 1, calls: 400 },
      { inFlight: 16, calls: 2_000 },
      { inFlight: 64, calls: 4_000 },
      { inFlight: 256, calls: 4_000 },
    ],
  },
  growth: {
    warmUp: { sessions: 100, calls: 16_000 },
    sessions: { first: 10, few: 1_000, many: 10_000 },
    calls: 10_000,
    rounds: 6,
    tries: 3,
    inFlight: 64,
  },
  // Longer than the minute after which idle sessions are looked for, and the ten seconds after which a lease would be extended.
  idle: { sessions: 10_000, warmUpSessions: 100, windowMs: 65_000 },
  webhook: {
    manyInFlight: { calls: 8_000, inFlight: 64, starts: 3, rounds: 6, warmUpCalls: 16_000 },
    sdk: { calls: 8_000, inFlight: 64, starts: 2, rounds: 6, warmUpCalls: 16_000 },
    // The machine changes its pace within a second: many short rounds tell more than few long ones.
    signing: { calls: 2_000, inFlight: 64, starts: 3, rounds: 40, warmUpCalls: 16_000 },
    idle: { sessions: 5_000, warmUpSessions: 100, quietWithinMs: 60_000 },
  },
  streamableWebhook: {
    manyInFlight: { calls: 8_000, inFlight: 64, starts: 3, rounds: 6, warmUpCalls: 16_000 },
    pending: { calls: 500, quietWithinMs: 60_000 },
  },
};

/** Only to see that everything runs. */
export const QUICK: Settings = {
  oneAtATime: { calls: 20, inFlight: 1, starts: 1, rounds: 2, warmUpCalls: 10 },
  manyInFlight: { calls: 400, inFlight: 200, starts: 1, rounds: 2, warmUpCalls: 200 },
  loads: {
    starts: 1,
    rounds: 1,
    warmUpCalls: 64,
    loads: [
      { inFlight: 1, calls: 10 },
      { inFlight: 16, calls: 64 },
      { inFlight: 64, calls: 128 },
      { inFlight: 256, calls: 256 },
    ],
  },
  growth: {
    warmUp: { sessions: 20, calls: 64 },
    sessions: { first: 10, few: 20, many: 200 },
    calls: 200,
    rounds: 1,
    tries: 1,
    inFlight: 64,
  },
  idle: { sessions: 100, warmUpSessions: 20, windowMs: 1_000 },
  webhook: {
    manyInFlight: { calls: 256, inFlight: 64, starts: 1, rounds: 2, warmUpCalls: 64 },
    sdk: { calls: 256, inFlight: 64, starts: 1, rounds: 2, warmUpCalls: 64 },
    signing: { calls: 256, inFlight: 64, starts: 1, rounds: 2, warmUpCalls: 64 },
    idle: { sessions: 100, warmUpSessions: 20, quietWithinMs: 60_000 },
  },
  streamableWebhook: {
    manyInFlight: { calls: 256, inFlight: 64, starts: 1, rounds: 2, warmUpCalls: 64 },
    pending: { calls: 100, quietWithinMs: 60_000 },
  },
};
