import type { CallRecord, Cause, Ledger } from './ledger.js';

/** What a run came to. */
export interface Summary {
  readonly transport: string;
  /** The command that does it again. */
  readonly again: string;
  readonly seed: number;
  readonly elapsedMs: number;
  readonly calls: number;
  readonly results: number;
  readonly toolErrors: number;
  readonly cancelled: number;
  /** Those whose callers were killed before the answer came. */
  readonly abandoned: number;
  /** Errors that callers got, by code. */
  readonly errors: Readonly<Record<string, number>>;
  /** Those of the errors that no caller should get, or not so many. */
  readonly unexpected: number;
  readonly lost: number;
  readonly wrong: number;
  readonly answeredTwice: number;
  /** Executions beyond the first of a call. */
  readonly repeats: Readonly<Record<Cause, number>>;
  /** What went wrong beside the calls: a server that ended by itself, say. */
  readonly problems: readonly string[];
  /** Faults that were planned again and again, and never met anything. */
  readonly idleFaults: readonly string[];
  /** What the servers reported, by code. */
  readonly reported: Readonly<Record<string, number>>;
  /** How often each fault has met something. */
  readonly faults: Readonly<Record<string, number>>;
  /** Heap of a client process, and of a server, that were not touched, at the start and at the end, in MiB. */
  readonly memory: { readonly callers: readonly [number, number]; readonly server: readonly [number, number] };
  /** Calls that something is wrong with, for a look at what happened. */
  readonly suspects: readonly string[];
}

/** All that a verdict is made of. */
export interface Run {
  readonly transport: string;
  readonly again: string;
  readonly seed: number;
  readonly elapsedMs: number;
  readonly ledger: Ledger;
  /** Codes of errors that callers may get. */
  readonly errors: readonly string[];
  /** Servers that were told to end, and the calls that are in flight at a time: each may fail with ERR_CLOSED once for each of them. */
  readonly ends: number;
  readonly inFlight: number;
  /** How often each fault was planned, and how often it met something. */
  readonly planned: Readonly<Record<string, number>>;
  readonly faults: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
  readonly reported: Readonly<Record<string, number>>;
  readonly memory: Summary['memory'];
}

/** The default of `maxAttempts`, which the servers keep. */
const MAX_ATTEMPTS = 3;

/** A fault that was planned so often has had the time to meet something. */
const OFTEN = 5;

const MAX_SUSPECTS = 20;

export function summarise(run: Run): Summary {
  const { ledger } = run;
  const { calls } = ledger;
  const having = (kind: string) => calls.filter(({ outcome }) => outcome?.kind === kind);
  const errors: Record<string, number> = {};
  for (const { outcome } of calls) {
    if (outcome?.kind === 'error') errors[outcome.code] = (errors[outcome.code] ?? 0) + 1;
  }
  const lost = calls.filter(({ outcome }) => outcome === undefined || outcome.kind === 'lost');
  const answeredTwice = calls.filter(({ answers }) => answers > 1);
  const unexpected = calls.filter((call) => isUnexpected(call, run));
  const closedTooOften = Math.max(0, (errors['ERR_CLOSED'] ?? 0) - run.ends * run.inFlight);
  const uncaused = calls.filter((call) => ledger.repeats(call).some((cause) => cause !== 'killed'));
  const repeats = calls.flatMap((call) => ledger.repeats(call));
  const times = (cause: Cause) => repeats.filter((one) => one === cause).length;
  const suspects = new Set([
    ...lost,
    ...having('wrong'),
    ...answeredTwice,
    ...unexpected,
    ...uncaused,
    ...having('error'),
  ]);
  return {
    transport: run.transport,
    again: run.again,
    seed: run.seed,
    elapsedMs: run.elapsedMs,
    calls: calls.length,
    results: having('result').length,
    toolErrors: having('tool-error').length,
    cancelled: having('cancelled').length,
    abandoned: having('abandoned').length,
    errors,
    unexpected: unexpected.length + closedTooOften,
    lost: lost.length,
    wrong: having('wrong').length,
    answeredTwice: answeredTwice.length,
    repeats: {
      killed: times('killed'),
      'other-process': times('other-process'),
      'same-process': times('same-process'),
    },
    problems: run.problems,
    idleFaults: Object.keys(run.planned).filter(
      (kind) => (run.planned[kind] ?? 0) >= OFTEN && (run.faults[kind] ?? 0) === 0,
    ),
    reported: run.reported,
    faults: run.faults,
    memory: run.memory,
    suspects: [...suspects]
      .slice(0, MAX_SUSPECTS)
      .map((call) => JSON.stringify({ ...call, ended: ledger.endsOver(call) })),
  };
}

/** The bar: nothing is lost, nothing is answered twice or wrongly, nobody gets an error that is not due, and nothing runs again but after a kill. */
export function isHeld(summary: Summary): boolean {
  const { lost, answeredTwice, wrong, unexpected, repeats, problems, idleFaults } = summary;
  const wrongs = [lost, answeredTwice, wrong, unexpected, repeats['other-process'], repeats['same-process']];
  return [...wrongs, problems.length, idleFaults.length].every((count) => count === 0);
}

/** An error that is not among those of the transport; or that a call was tried too often which too few processes have had. */
function isUnexpected(call: CallRecord, { errors, ledger }: Run): boolean {
  const { outcome } = call;
  if (outcome?.kind !== 'error') return false;
  if (outcome.code === 'ERR_TOO_MANY_ATTEMPTS' && ledger.processesOver(call) < MAX_ATTEMPTS) return true;
  return !errors.includes(outcome.code);
}
