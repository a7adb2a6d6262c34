/** From rounds to figures: the same for every transport. */
import { pairRatios } from './compare.js';
import { median, percentile } from './statistics.js';
import { addRequests, totalOf } from './usage.js';
import type { Comparison, ComparisonPlan, LoadComparison, LoadsPlan, Repetition } from './compare.js';
import type { Round } from './contender.js';
import type { RequestCounts } from './usage.js';
import type { Bar, Figure, Limit, Section } from './report.js';

/** What the sections of one transport say beside the figures that all have. */
export interface Judging {
  /** What its requests are called. */
  readonly requests: string;
  /** What requests cost, in dollars; nothing, if it is left out. */
  readonly dollarsFor?: (requests: RequestCounts) => number;
  readonly bars: {
    /** On the ratio of the median latencies, one call at a time. */
    readonly latency?: Limit;
    /** On the requests of a call, many in flight. */
    readonly requests?: Limit;
    /** On the ratio of the throughputs, many in flight. */
    readonly throughput?: Limit;
  };
}

export function oneAtATimeSection(comparison: Comparison, plan: ComparisonPlan, judging: Judging): Section {
  return {
    key: 'one-at-a-time',
    title: `One call at a time: ${describeRounds(plan)}`,
    figures: [
      { ...latencyMedian(comparison), ...barOn('ratio', judging.bars.latency) },
      latencyP99(comparison),
      requestsFigure(comparison, judging),
      ...dollarsFigures(comparison, judging),
      cpuFigure(comparison),
    ],
    notes: [spread('median latency', pairRatios(comparison, medianLatency))],
    details: details(comparison, plan),
  };
}

export function manyInFlightSection(comparison: Comparison, plan: ComparisonPlan, judging: Judging): Section {
  const { bars } = judging;
  return {
    key: 'many-in-flight',
    title: `${plan.inFlight} calls in flight: ${describeRounds(plan)}`,
    figures: [
      { ...requestsFigure(comparison, judging), ...barOn('value', bars.requests) },
      { ...throughputFigure(comparison), ...barOn('ratio', bars.throughput) },
      latencyMedian(comparison),
      latencyP99(comparison),
      ...dollarsFigures(comparison, judging),
      cpuFigure(comparison),
    ],
    notes: [
      spread('throughput', pairRatios(comparison, throughput)),
      `asyncmcp: ${kinds(comparison.asyncmcp)} (a hundred calls)`,
      `by hand:  ${kinds(comparison.baseline)}`,
    ],
    details: details(comparison, plan),
  };
}

/** How the figures change with the number of calls in flight. */
export function loadsSection(compared: readonly LoadComparison[], plan: LoadsPlan, judging: Judging): Section {
  return {
    key: 'loads',
    title: `From one call in flight to many: ${plan.starts * plan.rounds} rounds each, ${plan.starts} × started anew`,
    figures: compared.flatMap(({ load, comparison }) =>
      [
        throughputFigure(comparison),
        latencyMedian(comparison),
        latencyP99(comparison),
        requestsFigure(comparison, judging),
        ...dollarsFigures(comparison, judging),
        cpuFigure(comparison),
      ].map((figure) => ofLoad(figure, load.inFlight)),
    ),
    notes: compared.map(({ load, comparison }) =>
      spread(`throughput, ${load.inFlight} in flight`, pairRatios(comparison, throughput)),
    ),
    details: compared.map(({ load, comparison }) => details(comparison, { ...plan, ...load })),
  };
}

function ofLoad(figure: Figure, inFlight: number): Figure {
  return { ...figure, key: `${figure.key}-${inFlight}`, label: `${inFlight}: ${figure.label}` };
}

function latencyMedian(comparison: Comparison): Figure {
  return { key: 'latency-p50', label: 'latency, median', unit: 'ms', ...both(comparison, medianLatency) };
}

function latencyP99(comparison: Comparison): Figure {
  const take = (round: Round): number => percentile(round.latenciesMs, 0.99);
  return { key: 'latency-p99', label: 'latency, p99', unit: 'ms', ...both(comparison, take) };
}

function throughputFigure(comparison: Comparison): Figure {
  return { key: 'throughput', label: 'throughput', unit: '/s', ...both(comparison, throughput) };
}

function requestsFigure(comparison: Comparison, { requests }: Judging): Figure {
  return { key: 'requests', label: `${requests} per call, both sides`, unit: '', ...both(comparison, requestsPerCall) };
}

function dollarsFigures(comparison: Comparison, { dollarsFor }: Judging): Figure[] {
  if (dollarsFor === undefined) return [];
  const take = (round: Round): number => (dollarsFor(requestsOf(round)) / round.calls) * 1_000_000;
  return [{ key: 'dollars', label: 'AWS dollars per million calls', unit: '$', ...both(comparison, take) }];
}

function cpuFigure(comparison: Comparison): Figure {
  return { key: 'cpu', label: 'CPU per 1,000 calls, both sides', unit: 's', ...both(comparison, cpuPerThousandCalls) };
}

export function describeRounds({ starts, rounds: each, calls }: Repetition & { readonly calls: number }): string {
  return `${starts * each} rounds of ${calls.toLocaleString('en-US')} calls, ${starts} × started anew`;
}

/** The median of the rounds. */
function both({ asyncmcp, baseline }: Comparison, take: (round: Round) => number): Pick<Figure, 'asyncmcp' | 'byHand'> {
  return { asyncmcp: median(asyncmcp.map(take)), byHand: median(baseline.map(take)) };
}

function barOn(on: Bar['on'], limit: Limit | undefined): Pick<Figure, 'bar'> {
  return limit === undefined ? {} : { bar: { on, limit } };
}

function medianLatency({ latenciesMs }: Round): number {
  return median(latenciesMs);
}

export function throughput({ calls, elapsedMs }: Round): number {
  return (calls / elapsedMs) * 1000;
}

function requestsOf({ client, server }: Round): RequestCounts {
  return addRequests(client.requests, server.requests);
}

function requestsPerCall(round: Round): number {
  return totalOf(requestsOf(round)) / round.calls;
}

/** In seconds. */
export function cpuPerThousandCalls({ calls, client, server }: Round): number {
  return (client.cpuMs + server.cpuMs) / calls;
}

export function spread(what: string, ratios: readonly number[]): string {
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)];
  return `ratio of the ${what}, round by round: ${least.toFixed(2)} to ${most.toFixed(2)}, median ${median(ratios).toFixed(2)}`;
}

function kinds(rounds: readonly Round[]): string {
  const calls = rounds.reduce((total, round) => total + round.calls, 0);
  return Object.entries(addRequests(...rounds.map(requestsOf)))
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${kind} ${((count / calls) * 100).toFixed(1)}`)
    .join(', ');
}

function details({ asyncmcp, baseline }: Comparison, plan: ComparisonPlan): unknown {
  return { plan, asyncmcp: asyncmcp.map(withoutSingleLatencies), byHand: baseline.map(withoutSingleLatencies) };
}

export function withoutSingleLatencies({ latenciesMs, ...round }: Round): unknown {
  return { ...round, latencyMs: { p50: median(latenciesMs), p99: percentile(latenciesMs, 0.99) } };
}
