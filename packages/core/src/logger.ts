/** One log method, pino's shape: facts first, then the sentence. */
export type LogMethod = (facts: object, message: string) => void;

/** Where a package writes its log. A pino logger fits as it is. Silent by default. */
export interface Logger {
  debug: LogMethod;
  info: LogMethod;
  warn: LogMethod;
  error: LogMethod;
}

const ignore: LogMethod = () => {};

/** The default logger: writes nothing. */
export const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };
