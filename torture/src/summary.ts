import type { Ledger } from './ledger.js';
import type { Crew, RackPlan } from './rack.js';
import type { System } from './system.js';

/** What a run came to. */
export interface Summary {
  readonly transport: string;
  readonly seed: number;
  readonly elapsedMs: number;
  readonly calls: number;
  readonly results: number;
  readonly toolErrors: number;
  readonly cancelled: number;
  /** Errors that callers got, by code. */
  readonly errors: Readonly<Record<string, number>>;
  /** Those of the errors that no caller should get. */
  readonly unexpected: number;
  readonly lost: number;
  readonly wrong: number;
  readonly answeredTwice: number;
  readonly ranTwice: number;
  /** Of those that ran twice, the ones whose first process was not killed. */
  readonly ranTwiceForNothing: number;
  /** What the servers reported, by code. */
  readonly reported: Readonly<Record<string, number>>;
  readonly faults: Readonly<Record<string, number>>;
  /** Heap of the callers' process, and memory of a server that was not killed, at the start and at the end, in MiB. */
  readonly memory: { readonly callers: readonly [number, number]; readonly server: readonly [number, number] };
  /** Calls that something is wrong with, for a look at what happened. */
  readonly suspects: readonly string[];
}

export interface Run {
  readonly system: System;
  readonly plan: RackPlan;
  readonly ledger: Ledger;
  readonly injected: ReadonlyMap<string, number>;
  readonly elapsedMs: number;
  readonly heapBefore: number;
  readonly heapAfter: number;
  readonly crew: Crew;
}

const MAX_SUSPECTS = 20;

export function summarise({ system, plan, ledger, injected, elapsedMs, heapBefore, heapAfter, crew }: Run): Summary {
  const { calls } = ledger;
  const having = (kind: string) => calls.filter(({ outcome }) => outcome?.kind === kind);
  const errors: Record<string, number> = {};
  for (const { outcome } of calls) {
    if (outcome?.kind === 'error') errors[outcome.code] = (errors[outcome.code] ?? 0) + 1;
  }
  const answeredTwice = calls.filter(({ answers }) => answers > 1);
  const forNothing = calls.filter((call) => ledger.ranAgainForNothing(call));
  const lost = calls.filter(({ outcome }) => outcome === undefined || outcome.kind === 'lost');
  const suspects = [...lost, ...having('wrong'), ...answeredTwice, ...having('error')];
  return {
    transport: system.name,
    seed: plan.seed,
    elapsedMs,
    calls: calls.length,
    results: having('result').length,
    toolErrors: having('tool-error').length,
    cancelled: having('cancelled').length,
    errors,
    unexpected: calls.filter(({ outcome }) => outcome?.kind === 'error' && !system.errors.includes(outcome.code))
      .length,
    lost: lost.length,
    wrong: having('wrong').length,
    answeredTwice: answeredTwice.length,
    ranTwice: calls.filter(({ executions }) => executions.length > 1).length,
    ranTwiceForNothing: forNothing.length,
    reported: Object.fromEntries(crew.errors),
    faults: Object.fromEntries(injected),
    memory: { callers: [heapBefore, heapAfter], server: [crew.memory[0] ?? 0, crew.memory.at(-1) ?? 0] },
    suspects: suspects.slice(0, MAX_SUSPECTS).map((call) => JSON.stringify(call)),
  };
}

/** The bar: nothing is lost, nothing is answered twice or wrongly, and nobody gets an error that is not due. */
export function isHeld({ lost, answeredTwice, wrong, unexpected }: Summary): boolean {
  return lost + answeredTwice + wrong + unexpected === 0;
}
