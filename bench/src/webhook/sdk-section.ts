import { pairRatios } from '../compare.js';
import { cpuPerThousandCalls, describeRounds, spread, throughput, withoutSingleLatencies } from '../sections.js';
import { median } from '../statistics.js';
import type { Comparison, ComparisonPlan } from '../compare.js';
import type { Figure, Section } from '../report.js';

/** What of the difference to the bare echo is the MCP SDK's own `Client` and `McpServer`, which no transport can leave out. */
export function sdkSection(sdkBesideByHand: Comparison, besideSdk: Comparison, plan: ComparisonPlan): Section {
  const ratio = (key: string, label: string, ratios: readonly number[]): Figure => {
    return { key, label, unit: '×', asyncmcp: median(ratios) };
  };
  const ceiling = pairRatios(sdkBesideByHand, throughput);
  const ours = pairRatios(besideSdk, throughput);
  const rounds = ({ asyncmcp, baseline }: Comparison): unknown => ({
    asyncmcp: asyncmcp.map(withoutSingleLatencies),
    baseline: baseline.map(withoutSingleLatencies),
  });
  return {
    key: 'sdk',
    title: `The MCP SDK alone, over the same POSTs: ${describeRounds(plan)}`,
    figures: [
      ratio('throughput-sdk', 'throughput, SDK alone : by hand', ceiling),
      ratio('cpu-sdk', 'CPU, SDK alone : by hand', pairRatios(sdkBesideByHand, cpuPerThousandCalls)),
      ratio('throughput', 'throughput, asyncmcp : SDK alone', ours),
      ratio('cpu', 'CPU, asyncmcp : SDK alone', pairRatios(besideSdk, cpuPerThousandCalls)),
    ],
    notes: [
      spread('throughput, SDK alone : by hand', ceiling),
      spread('throughput, asyncmcp : SDK alone', ours),
      'the SDK alone: its Client and McpServer over a transport that checks, records, retries and signs nothing',
    ],
    details: { plan, sdkBesideByHand: rounds(sdkBesideByHand), besideSdk: rounds(besideSdk) },
  };
}
