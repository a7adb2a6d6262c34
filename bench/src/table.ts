import { renderLimit, withUnit } from './numbers.js';
import { meetsBar, ratioOf } from './report.js';
import type { Figure, Report, Section } from './report.js';

const WIDTHS = { label: 38, ratio: 8, limit: 11, verdict: 8, value: 15 };

/** A report as a table for the terminal, at most 96 columns wide: ratios and bars first. */
export function renderReport({ transport, sections }: Report, judged: boolean): string {
  const header = row(transport, 'ratio', 'limit', judged ? 'verdict' : '', 'asyncmcp', 'by hand');
  return [header, '─'.repeat(header.length), ...sections.map((section) => renderSection(section, judged))].join('\n');
}

function renderSection({ title, columns, figures, notes }: Section, judged: boolean): string {
  const heading = columns === undefined ? [] : [row('', '', '', '', ...columns)];
  const rows = figures.map((figure) => renderFigure(figure, judged));
  return [title, ...heading, ...rows, ...notes.map((note) => `  ${note}`), ''].join('\n');
}

function renderFigure(figure: Figure, judged: boolean): string {
  const ratio = ratioOf(figure);
  const met = meetsBar(figure);
  return row(
    `  ${figure.label}`,
    ratio === undefined ? '' : `${ratio.toFixed(2)} ×`,
    renderLimit(figure),
    met === undefined || !judged ? '' : met ? 'PASS' : 'MISS',
    withUnit(figure.asyncmcp, figure.unit),
    figure.byHand === undefined ? '' : withUnit(figure.byHand, figure.unit),
  );
}

function row(label: string, ratio: string, limit: string, verdict: string, asyncmcp: string, byHand: string): string {
  return [
    label.padEnd(WIDTHS.label),
    ratio.padStart(WIDTHS.ratio),
    limit.padStart(WIDTHS.limit),
    verdict.padStart(WIDTHS.verdict),
    asyncmcp.padStart(WIDTHS.value),
    byHand.padStart(WIDTHS.value),
  ].join('');
}
