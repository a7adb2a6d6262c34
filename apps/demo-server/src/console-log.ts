import { isAsyncMcpError } from '@asyncmcp/core';
import { fold } from './text.js';
import type { AsyncMcpError, Logger } from '@asyncmcp/core';

export const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const;

/** The narrowest terminal that lines are folded for. */
const NARROWEST = 48;

export type LogLevel = (typeof LOG_LEVELS)[number];

/** What the command prints: a line for each event, and what the package logs from a level on. */
export interface ConsoleLog {
  event(subject: string, what: string): void;
  /** For the server's `onerror`. */
  error(error: AsyncMcpError): void;
  /** For the server's option `logger`. */
  readonly logger: Logger;
}

export function createConsoleLog(level: LogLevel): ConsoleLog {
  // The package logs most of what it reports, too: said once is enough.
  const said = new WeakSet<object>();

  function print(subject: string, what: string): void {
    const head = `${new Date().toISOString().slice(11, 23)}  ${subject.padEnd(8)}  `;
    console.log(fold(head + what, columns(), head.length));
  }

  function logAt(at: LogLevel): (facts: object, message: string) => void {
    if (LOG_LEVELS.indexOf(at) > LOG_LEVELS.indexOf(level)) return () => {};
    return (facts, message) => {
      const error: unknown = 'err' in facts ? facts.err : undefined;
      if (isAsyncMcpError(error)) {
        if (said.has(error)) return;
        said.add(error);
      }
      print(at, isAsyncMcpError(error) ? `${error.code} ${message}` : `${message}${inBrief(facts)}`);
    };
  }

  const error = logAt('error');
  return {
    event: print,
    error: (reported) => error({ err: reported }, reported.message),
    logger: { error, warn: logAt('warn'), info: logAt('info'), debug: logAt('debug') },
  };
}

/** What reads a pipe wants one line for each event; and in a column that is hardly there nothing can be read. */
function columns(): number {
  const { isTTY, columns: width } = process.stdout;
  return isTTY && width >= NARROWEST ? width : Infinity;
}

/** The facts of a log line as ` name=value …`. */
function inBrief(facts: object): string {
  return Object.entries(facts)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${value instanceof Error ? value.message : JSON.stringify(value)}`)
    .join('');
}
