import type { ScenarioTotals, Style } from '@asyncmcp/demo-client';
import type { DemoTransportEntry } from './transports.js';

/** How a transport's demo went. */
export interface Run {
  readonly transport: Pick<DemoTransportEntry, 'name' | 'way'>;
  /** Undefined if it failed. */
  readonly totals: ScenarioTotals | undefined;
  readonly elapsedMs: number;
}

const NAME = 18;
const WAY = 28;

/** One line for each transport, within 80 columns. */
export function overviewLines(runs: readonly Run[], style: Style): string[] {
  return runs.map(({ transport: { name, way }, totals, elapsedMs }) => {
    const mark = totals === undefined ? style.bad('✗') : style.good('✓');
    const counts =
      totals === undefined
        ? 'failed'.padEnd(21)
        : `${String(totals.steps).padStart(2)} steps ${String(totals.messages).padStart(3)} messages`;
    const seconds = `${(elapsedMs / 1000).toFixed(1)} s`.padStart(6);
    return `  ${mark} ${style.strong(name.padEnd(NAME))} ${way.padEnd(WAY)} ${counts} ${seconds}`;
  });
}
