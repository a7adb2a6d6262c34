/** Longest wait that an endpoint may ask for, in milliseconds. */
const MAX_MS = 3_600_000;

/** RFC 9110, 5.6.7: the form of today and the two of old, which recipients must know. Date.parse alone takes much more for a date. */
const HTTP_DATE =
  /^(?:[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT|[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT)$/;
const ASCTIME_DATE = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/;

/**
 * How long a `Retry-After` header asks to wait, in milliseconds, an hour at most; 0 where there is none, or nonsense.
 *
 * @param now - ms since epoch, which a date is compared with
 */
export function parseRetryAfter(value: string | readonly string[] | undefined, now: number): number {
  if (typeof value !== 'string') return 0;
  const text = value.trim();
  const wait = /^\d+$/.test(text) ? Number(text) * 1000 : parseHttpDate(text) - now;
  return Number.isNaN(wait) ? 0 : Math.min(MAX_MS, Math.max(0, wait));
}

function parseHttpDate(text: string): number {
  if (HTTP_DATE.test(text)) return Date.parse(text);
  // It names no zone and means GMT; Date.parse would take it for the local one.
  return ASCTIME_DATE.test(text) ? Date.parse(`${text} GMT`) : Number.NaN;
}
