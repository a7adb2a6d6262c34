/** One log method, pino's shape: facts first, then the sentence. */
export type LogMethod = (facts: object, message: string) => void;

/** Where a package writes its log. A pino logger fits as it is. Silent by default. */
export interface Logger {
  /** What only a developer of this package wants to see. */
  debug: LogMethod;
  /** What is as it should be: started, closed. */
  info: LogMethod;
  /** What may need attention; nothing was lost. */
  warn: LogMethod;
  /** What failed. */
  error: LogMethod;
}

const ignore: LogMethod = () => {};

/** The default logger: writes nothing. */
export const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };
