import { pairRatios } from '../compare.js';
import { cpuPerThousandCalls, describeRounds, spread, throughput, withoutSingleLatencies } from '../sections.js';
import { median } from '../statistics.js';
import type { Comparison, ComparisonPlan } from '../compare.js';
import type { Section } from '../report.js';

/** What signing costs: this project as it is by default, and without secrets. */
export function signingSection(comparison: Comparison, plan: ComparisonPlan): Section {
  const { asyncmcp: signed, baseline: unsigned } = comparison;
  // Of each pair of rounds: what else the machine does comes and goes between them, and the difference is small.
  const ratios = pairRatios(comparison, throughput);
  const cpu = pairRatios(comparison, cpuPerThousandCalls);
  const both = (rounds: Comparison['asyncmcp']): string => `${median(rounds.map(throughput)).toFixed(0)}/s`;
  return {
    key: 'signing',
    title: `Signing and verifying: ${describeRounds(plan)}`,
    figures: [
      {
        key: 'throughput',
        label: 'throughput, signed : unsigned',
        unit: '×',
        asyncmcp: median(ratios),
        bar: { on: 'value', limit: { atLeast: 0.9 } },
      },
      { key: 'cpu', label: 'CPU, signed : unsigned', unit: '×', asyncmcp: median(cpu) },
    ],
    notes: [
      spread('throughput', ratios),
      `signed, as is the default: ${both(signed)}; with \`secrets: false\`: ${both(unsigned)}`,
    ],
    details: { plan, signed: signed.map(withoutSingleLatencies), unsigned: unsigned.map(withoutSingleLatencies) },
  };
}
