import { View, parse } from 'vega';
import { compile } from 'vega-lite';
import { ratioOf } from '../report.js';
import { WAYS, reportOf, sectionOf } from './markdown.js';
import type { TopLevelSpec } from 'vega-lite';
import type { Results } from '../results.js';

/** What a chart is drawn in, so that it can be read on a page of the same kind. */
export interface Theme {
  readonly background: string;
  readonly text: string;
  readonly bar: string;
  readonly rule: string;
}

/** The colours of GitHub's pages. */
export const THEMES = {
  light: { background: '#ffffff', text: '#1f2328', bar: '#218bff', rule: '#cf222e' },
  dark: { background: '#0d1117', text: '#e6edf3', bar: '#388bfd', rule: '#ff7b72' },
} as const satisfies Record<string, Theme>;

interface Bar {
  readonly way: string;
  readonly inFlight: number;
  readonly ratio: number;
}

/** Throughput beside the work by hand, for each way and number of calls in flight, as SVG. */
export async function throughputChart(results: Results, theme: Theme): Promise<string> {
  const view = new View(parse(compile(specOf(barsOf(results), theme)).spec), { renderer: 'none' });
  try {
    return `${await view.toSVG()}\n`;
  } finally {
    view.finalize();
  }
}

function barsOf(results: Results): Bar[] {
  return WAYS.flatMap(({ name: way, transport, prefix }) =>
    sectionOf(reportOf(results, transport), `${prefix}loads`)
      .figures.filter(({ key }) => key.startsWith('throughput-'))
      .map((figure) => {
        const inFlight = Number(figure.key.slice('throughput-'.length));
        return { way, inFlight, ratio: ratioOf(figure) ?? Number.NaN };
      }),
  );
}

function specOf(bars: readonly Bar[], { background, text, bar, rule }: Theme): TopLevelSpec {
  const ways = WAYS.map(({ name }) => name);
  const height = { field: 'ratio', type: 'quantitative' } as const;
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: {
      text: 'Throughput, this project : the same work by hand (1 = as fast)',
      subtitle: 'by the number of calls in flight',
      anchor: 'start',
      offset: 12,
    },
    data: { values: [...bars] },
    facet: {
      column: {
        field: 'way',
        type: 'nominal',
        sort: ways,
        title: null,
        header: { labelExpr: "split(datum.label, ', ')" },
      },
    },
    spacing: 16,
    spec: {
      width: 130,
      height: 180,
      layer: [
        {
          mark: { type: 'bar', color: bar, width: { band: 0.7 } },
          encoding: {
            x: { field: 'inFlight', type: 'ordinal', title: null, axis: { labelAngle: 0 } },
            y: { ...height, title: null, axis: { tickCount: 5, grid: false } },
          },
        },
        {
          mark: { type: 'text', dy: -7, color: text, fontSize: 11 },
          encoding: {
            x: { field: 'inFlight', type: 'ordinal' },
            y: height,
            text: { field: 'ratio', type: 'quantitative', format: '.2f' },
          },
        },
        { mark: { type: 'rule', color: rule, strokeDash: [4, 3] }, encoding: { y: { datum: 1 } } },
      ],
    },
    config: {
      background,
      font: 'system-ui, sans-serif',
      padding: 12,
      title: { color: text, subtitleColor: text, fontSize: 15, subtitleFontSize: 12 },
      axis: { labelColor: text, tickColor: text, domainColor: text },
      header: { labelColor: text, labelFontSize: 12 },
      view: { stroke: null },
    },
  };
}
