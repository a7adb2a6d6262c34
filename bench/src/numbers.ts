import type { Figure } from './report.js';

/** The bar of a figure; '' if it has none. */
export function renderLimit({ bar, unit }: Figure): string {
  if (bar === undefined) return '';
  const { limit } = bar;
  const after = bar.on === 'ratio' ? ' ×' : unit === '' ? '' : ` ${unit}`;
  if ('atMost' in limit) return `≤ ${limit.atMost}${after}`;
  return 'atLeast' in limit ? `≥ ${limit.atLeast}${after}` : `< ${limit.below}${after}`;
}

/** With as many digits as mean something. */
export function withUnit(value: number, unit: string): string {
  const digits = Number.isInteger(value) || value >= 1000 ? 0 : value >= 100 ? 1 : 2;
  const number = value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return unit === '' ? number : `${number} ${unit}`;
}
