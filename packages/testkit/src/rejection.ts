/**
 * Resolves with what `promise` rejects with, and rejects when it does not. Watches from the first moment, so a rejection
 * that comes before the test looks is not an unhandled one.
 */
export function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error('The promise resolved, and should have been rejected');
    },
    (reason: unknown) => reason,
  );
}
