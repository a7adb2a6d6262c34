import { AsyncMcpError, isAsyncMcpError, toAsyncMcpError } from '@asyncmcp/core';

/** Options of a topology's `teardown`. */
export interface TeardownOptions {
  /** Whether to remove also what was there before the topology was made. Default false. */
  readonly found?: boolean | undefined;
}

/** How to remove what a provisioning call made. */
export interface Teardown {
  /**
   * Removes what the call made, the latest first, and takes back what it added to things it found; `{ found: true }` removes
   * these too. Idempotent: what is gone already is no failure. One failure does not keep it from trying the rest.
   *
   * @throws AsyncMcpError with the code of the first failure; `cause` is an AggregateError of all, `details.left` names what
   *   is left. It may be called again.
   */
  readonly teardown: (options?: TeardownOptions) => Promise<void>;
}

/** One thing a provisioning call made, changed or found. */
export interface UndoStep {
  /** For the error message: "queue https://…". */
  readonly what: string;
  /** Whether the call made or changed it; what it only found is removed on request. */
  readonly made: boolean;
  /** May fail with `ERR_DESTINATION_GONE`: then there is nothing left to undo. */
  readonly undo: () => Promise<void>;
}

/**
 * Where a provisioning call notes each step: making a thing as soon as it is done, a change before it is tried, because one that
 * is given up may have been done all the same.
 */
export interface UndoLog {
  /** Notes a step. */
  add(step: UndoStep): void;
}

interface Failure {
  readonly what: string;
  readonly error: AsyncMcpError;
}

/**
 * Runs `make` and adds a `teardown` to its result. When `make` fails, what it had made is removed again.
 *
 * @throws what `make` throws; where something could not be removed, an AsyncMcpError of the same code that names it, and has
 *   all errors in the AggregateError that is its cause
 */
export async function withTeardown<T extends object>(make: (log: UndoLog) => Promise<T>): Promise<T & Teardown> {
  let steps: readonly UndoStep[] = [];

  async function undo(found: boolean): Promise<Failure[]> {
    const failures: Failure[] = [];
    for (const step of steps.filter(({ made }) => made || found).toReversed()) {
      const error = await failureOf(step);
      if (error === undefined) steps = steps.filter((other) => other !== step);
      else failures.push({ what: step.what, error });
    }
    return failures;
  }

  try {
    const made = await make({ add: (step) => void (steps = [...steps, step]) });
    return {
      ...made,
      async teardown({ found = false } = {}) {
        const failures = await undo(found);
        const [first] = failures;
        if (first !== undefined) throw leftBehind(first.error.code, 'The teardown is incomplete.', failures);
      },
    };
  } catch (error) {
    const failures = await undo(false);
    if (failures.length === 0) throw error;
    const { code, message } = toAsyncMcpError(error, 'ERR_INTERNAL', 'Provisioning failed');
    throw leftBehind(code, message, failures, [error]);
  }
}

async function failureOf({ what, undo }: UndoStep): Promise<AsyncMcpError | undefined> {
  try {
    await undo();
    return undefined;
  } catch (error) {
    if (isAsyncMcpError(error, 'ERR_DESTINATION_GONE')) return undefined;
    return toAsyncMcpError(error, 'ERR_INTERNAL', `Removing ${what} failed`);
  }
}

function leftBehind(
  code: AsyncMcpError['code'],
  message: string,
  failures: readonly Failure[],
  before: readonly unknown[] = [],
): AsyncMcpError {
  const list = failures.map(({ what, error }) => `${what} (${error.message})`).join('; ');
  return new AsyncMcpError(code, `${message} These could not be removed: ${list}`, {
    cause: new AggregateError([...before, ...failures.map(({ error }) => error)]),
    details: { left: failures.map(({ what }) => what) },
  });
}
