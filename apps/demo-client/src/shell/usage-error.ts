/** What was typed cannot be done; the message says what can, in one line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
