/** Results as the tables of the documentation. How wide their columns are is prettier's business. */
import { renderLimit, withUnit } from '../numbers.js';
import { meetsBar, ratioOf } from '../report.js';
import type { Figure, Report, Section } from '../report.js';
import type { Results } from '../results.js';

/** When, on what, and with which Node. */
export function machineText({ startedAt, machine }: Results): string {
  const { node, platform, cpu, cores, memoryGiB, load } = machine;
  const day = startedAt.toISOString().slice(0, 10);
  return `Measured on ${day} with Node ${node.slice(1)} (${platform}) on ${cores} cores of an ${cpu} with ${memoryGiB} GiB; load before it: ${load.toFixed(2)}.`;
}

/** Every figure that has a bar. */
export function barsTable({ reports }: Results): string {
  const rows = reports.flatMap(({ transport, sections }) =>
    sections.flatMap(({ title, figures }) =>
      figures
        .filter(({ bar }) => bar !== undefined)
        .map((figure) => [
          `\`${transport}\``,
          `${headOf(title)}: ${figure.label}`,
          measured(figure),
          renderLimit(figure),
          meetsBar(figure) === true ? 'met' : '**missed**',
        ]),
    ),
  );
  return table(['', 'What', 'Measured', 'Bar', ''], ['left', 'left', 'right', 'right', 'left'], rows);
}

/** All sections of one transport. */
export function transportTables({ sections }: Report): string {
  return sections.map(sectionText).join('\n\n');
}

/** A line for each way that results can take. */
export function summaryTable(results: Results): string {
  const rows = WAYS.map(({ name, transport, prefix }) => {
    const report = reportOf(results, transport);
    const alone = sectionOf(report, `${prefix}one-at-a-time`);
    const many = sectionOf(report, `${prefix}many-in-flight`);
    const latency = figureOf(alone, 'latency-p50');
    const throughput = figureOf(many, 'throughput');
    return [
      name,
      `${times(latency)} (${withUnit(latency.asyncmcp, latency.unit)})`,
      `${times(throughput)} (${withUnit(throughput.asyncmcp, throughput.unit)})`,
      `${withUnit(figureOf(alone, 'requests').asyncmcp, '')} / ${withUnit(figureOf(many, 'requests').asyncmcp, '')}`,
      `${dollars(alone)} / ${dollars(many)}`,
      withUnit(figureOf(sectionOf(report, 'memory'), 'heap-10000').asyncmcp, 'KiB'),
    ];
  });
  const header = [
    '',
    'Latency, one call at a time',
    'Throughput, many in flight',
    'Requests per call, one / many',
    'AWS dollars per million calls, one / many',
    'Memory of a session, of 10,000',
  ];
  return table(header, ['left', 'right', 'right', 'right', 'right', 'right'], rows);
}

/** The ways that results can take, and where a report has their figures. */
export const WAYS = [
  { name: 'SQS', transport: 'sqs', prefix: '' },
  { name: 'SNS+SQS', transport: 'sns-sqs', prefix: '' },
  { name: 'Webhook', transport: 'webhook', prefix: '' },
  { name: 'Streamable HTTP, over SSE', transport: 'streamable-webhook', prefix: 'connection-' },
  { name: 'Streamable HTTP, by webhook', transport: 'streamable-webhook', prefix: 'webhook-' },
] as const;

/** @throws Error if the results have no such report */
export function reportOf({ reports }: Results, transport: string): Report {
  const report = reports.find((one) => one.transport === transport);
  if (report === undefined) throw new Error(`The results have no transport "${transport}": run the whole benchmark.`);
  return report;
}

/** @throws Error if the report has no such section */
export function sectionOf({ transport, sections }: Report, key: string): Section {
  const section = sections.find((one) => one.key === key);
  if (section === undefined) throw new Error(`The results of ${transport} have no section "${key}".`);
  return section;
}

/** @throws Error if the section has no such figure */
export function figureOf({ key: section, figures }: Section, key: string): Figure {
  const figure = figures.find((one) => one.key === key);
  if (figure === undefined) throw new Error(`The section "${section}" has no figure "${key}".`);
  return figure;
}

function sectionText(section: Section): string {
  const { title, columns = ['this project', 'by hand'], figures, notes } = section;
  const rows = figures.map((figure) => [
    figure.label,
    times(figure),
    withUnit(figure.asyncmcp, figure.unit),
    figure.byHand === undefined ? '' : withUnit(figure.byHand, figure.unit),
    renderLimit(figure),
  ]);
  const text = table([`**${title}**`, 'ratio', ...columns, 'bar'], ['left', 'right', 'right', 'right', 'right'], rows);
  return [text, ...notes.map((note) => `- ${note}`)].join('\n').replace('\n- ', '\n\n- ');
}

function measured(figure: Figure): string {
  return figure.bar?.on === 'ratio' ? times(figure) : withUnit(figure.asyncmcp, figure.unit);
}

function times(figure: Figure): string {
  const ratio = ratioOf(figure);
  return ratio === undefined ? '' : `${ratio.toFixed(2)} ×`;
}

function dollars({ figures }: Section): string {
  return (figures.find(({ key }) => key === 'dollars')?.asyncmcp ?? 0).toFixed(2);
}

/** A title without how often it was measured. */
function headOf(title: string): string {
  return title.replace(/: \d+ rounds.*$/, '');
}

type Side = 'left' | 'right';

function table(header: readonly string[], alignment: readonly Side[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rules = alignment.map((side) => (side === 'right' ? '---:' : '---'));
  return [header, rules, ...rows].map(line).join('\n');
}
