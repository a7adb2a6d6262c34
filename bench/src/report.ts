/** What a figure must not exceed, must reach, or must stay below. */
export type Limit = { readonly atMost: number } | { readonly atLeast: number } | { readonly below: number };

/** A bar: a limit on the figure itself or on its ratio to the one by hand. */
export interface Bar {
  readonly on: 'ratio' | 'value';
  readonly limit: Limit;
}

export interface Figure {
  /** Names it within its section, for machines. */
  readonly key: string;
  readonly label: string;
  /** After the number; '' for a plain count. */
  readonly unit: string;
  readonly asyncmcp: number;
  /** What it is compared with: the same by hand, unless the section says otherwise; if there is such a thing. */
  readonly byHand?: number;
  readonly bar?: Bar;
}

/** The figures of one measurement. */
export interface Section {
  /** Names it within its report, for machines. */
  readonly key: string;
  readonly title: string;
  /** What stands in the two columns of numbers, if not this project and the work by hand. */
  readonly columns?: readonly [string, string];
  readonly figures: readonly Figure[];
  /** What one should know to judge the figures. */
  readonly notes: readonly string[];
  /** What the figures were made of, for machines. */
  readonly details?: unknown;
}

export interface Report {
  readonly transport: string;
  readonly sections: readonly Section[];
}

export function ratioOf({ asyncmcp, byHand }: Figure): number | undefined {
  return byHand === undefined ? undefined : asyncmcp / byHand;
}

/** Whether a figure meets its bar; undefined if it has none. */
export function meetsBar(figure: Figure): boolean | undefined {
  const { bar } = figure;
  if (bar === undefined) return undefined;
  const value = bar.on === 'ratio' ? (ratioOf(figure) ?? Number.NaN) : figure.asyncmcp;
  const { limit } = bar;
  if ('atMost' in limit) return value <= limit.atMost;
  return 'atLeast' in limit ? value >= limit.atLeast : value < limit.below;
}

/** Whether all bars are met. */
export function passed(reports: readonly Report[]): boolean {
  return reports.every(({ sections }) =>
    sections.every(({ figures }) => figures.every((figure) => meetsBar(figure) !== false)),
  );
}
