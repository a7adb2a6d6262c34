import { AsyncMcpError, toAsyncMcpError } from './errors.js';
import type { LogMethod, Logger } from './logger.js';

/**
 * Checks of constructor options. Each returns the value it checked, or throws `ERR_INVALID_OPTION` with a message that
 * names the option, the value and what is allowed.
 */

/**
 * A whole number from `min` to `max`; `fallback` when `value` is undefined.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION`
 */
export function integerOption(
  name: string,
  value: unknown,
  range: { min: number; max: number; fallback: number; unit?: string },
): number {
  if (value === undefined) return range.fallback;
  if (typeof value === 'number' && Number.isInteger(value) && value >= range.min && value <= range.max) return value;
  const unit = range.unit === undefined ? '' : ` ${range.unit}`;
  throw invalidOption(name, value, `a whole number from ${range.min} to ${range.max}${unit}`);
}

/**
 * A non-empty string.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION`
 */
export function stringOption(name: string, value: unknown): string {
  if (typeof value === 'string' && value.length > 0) return value;
  throw invalidOption(name, value, 'a non-empty string');
}

/**
 * A function.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION`
 */
export function functionOption<T>(name: string, value: T): T {
  if (typeof value === 'function') return value;
  throw invalidOption(name, value, 'a function');
}

/**
 * An object that has all of `methods`, e.g. an AWS client or a session store.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION`
 */
export function objectOption<T extends object>(name: string, value: T, methods: readonly (keyof T & string)[]): T {
  const candidate: unknown = value;
  if (typeof candidate === 'object' && candidate !== null) {
    const missing = methods.filter((method) => typeof value[method] !== 'function');
    if (missing.length === 0) return value;
    throw invalidOption(name, value, `an object with ${methods.join(', ')} (missing: ${missing.join(', ')})`);
  }
  throw invalidOption(name, value, `an object with ${methods.join(', ')}`);
}

/**
 * A logger of pino's shape; `fallback` when `value` is undefined. What the given one throws becomes a warning of the process, and stops
 * nothing of what was being logged.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION`
 */
export function loggerOption(value: Logger | undefined, fallback: Logger): Logger {
  if (value === undefined) return fallback;
  const logger = objectOption('logger', value, ['debug', 'info', 'warn', 'error']);
  const guarded = (level: keyof Logger): LogMethod => {
    return (facts, message) => {
      try {
        logger[level](facts, message);
      } catch (thrown) {
        process.emitWarning(toAsyncMcpError(thrown, 'ERR_INTERNAL', 'The option "logger" of an asyncmcp object threw'));
      }
    };
  };
  return { debug: guarded('debug'), info: guarded('info'), warn: guarded('warn'), error: guarded('error') };
}

/**
 * Refuses an option the constructor does not know: a misspelt option that is silently ignored is found in production.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION`
 */
export function knownOptions(owner: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) throw invalidOption('options', options, 'an object');
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) {
      throw new AsyncMcpError(
        'ERR_INVALID_OPTION',
        `${owner} has no option "${name}". Its options are: ${[...known].sort().join(', ')}.`,
        { details: { option: name } },
      );
    }
  }
}

/** The error for one wrong option. */
export function invalidOption(name: string, value: unknown, allowed: string): AsyncMcpError {
  return new AsyncMcpError('ERR_INVALID_OPTION', `Option "${name}" is ${describe(value)}, but must be ${allowed}.`, {
    details: { option: name, allowed },
  });
}

function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 100 ? `${value.slice(0, 100)}…` : value);
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  return String(value);
}

/**
 * Checks the option `clientId`; undefined is left as it is. Only characters that every wire can carry in a header or attribute.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION`
 */
export function clientIdOption(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string' && /^[\x21-\x7e]{1,128}$/.test(value)) return value;
  throw invalidOption('clientId', value, '1 to 128 visible ASCII characters without spaces');
}

/**
 * Checks an option that is true or false.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION`
 */
export function booleanOption(name: string, value: unknown, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  if (typeof value === 'boolean') return value;
  throw invalidOption(name, value, 'true or false');
}
