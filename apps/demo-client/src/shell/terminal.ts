/** Where commands come from and where what happens is shown. */
export interface Terminal {
  /** Whether somebody sits there and goes on typing while calls run. */
  readonly isInteractive: boolean;
  /** How wide lines may be. */
  readonly columns: number;
  /** Shows lines, without disturbing what is being typed. */
  print(lines: readonly string[]): void;
  /** Shows what goes on, in place of what it showed before; where that is impossible, nothing. */
  setStatus(lines: readonly string[]): void;
  /** The next line; undefined when there will be none. */
  read(): Promise<string | undefined>;
  /** The answer to a question; undefined when it was put away, or there will be none. */
  ask(label: string, signal: AbortSignal): Promise<string | undefined>;
  close(): void;
}
