/** From rounds to figures: the same for every transport. */
import { pairRatios } from './compare.js';
import { median, percentile } from './statistics.js';
import { addRequests, totalOf } from './usage.js';
import type { Comparison, ComparisonPlan } from './compare.js';
import type { Round } from './contender.js';
import type { RequestCounts } from './usage.js';
import type { Bar, Figure, Limit, Section } from './report.js';

/** What the sections of one transport say beside the figures that all have. */
export interface Judging {
  /** What its requests are called. */
  readonly requests: string;
  readonly bars: {
    /** On the ratio of the median latencies, one call at a time. */
    readonly latency?: Limit;
    /** On the requests of a call, many in flight. */
    readonly requests?: Limit;
    /** On the ratio of the throughputs, many in flight. */
    readonly throughput?: Limit;
  };
}

export function oneAtATimeSection(comparison: Comparison, plan: ComparisonPlan, { bars }: Judging): Section {
  const middle = (round: Round): number => median(round.latenciesMs);
  const figures: Figure[] = [
    { ...both(comparison, middle), ...barOn('ratio', bars.latency), label: 'latency, median', unit: 'ms' },
    { ...both(comparison, (round) => percentile(round.latenciesMs, 0.99)), label: 'latency, p99', unit: 'ms' },
    { ...both(comparison, cpuPerThousandCalls), label: 'CPU per 1,000 calls, both sides', unit: 's' },
  ];
  return {
    title: `One call at a time: ${describeRounds(plan)}`,
    figures,
    notes: [spread('median latency', pairRatios(comparison, middle))],
    details: details(comparison, plan),
  };
}

export function manyInFlightSection(comparison: Comparison, plan: ComparisonPlan, judging: Judging): Section {
  const { requests, bars } = judging;
  const figures: Figure[] = [
    {
      ...both(comparison, requestsPerCall),
      ...barOn('value', bars.requests),
      label: `${requests} per call, both sides`,
      unit: '',
    },
    { ...both(comparison, throughput), ...barOn('ratio', bars.throughput), label: 'throughput', unit: '/s' },
    { ...both(comparison, (round) => median(round.latenciesMs)), label: 'latency, median', unit: 'ms' },
    { ...both(comparison, (round) => percentile(round.latenciesMs, 0.99)), label: 'latency, p99', unit: 'ms' },
    { ...both(comparison, cpuPerThousandCalls), label: 'CPU per 1,000 calls, both sides', unit: 's' },
  ];
  return {
    title: `${plan.inFlight} calls in flight: ${describeRounds(plan)}`,
    figures,
    notes: [
      spread('throughput', pairRatios(comparison, throughput)),
      `asyncmcp: ${kinds(comparison.asyncmcp)} (a hundred calls)`,
      `by hand:  ${kinds(comparison.baseline)}`,
    ],
    details: details(comparison, plan),
  };
}

export function describeRounds({ starts, rounds: each, calls }: ComparisonPlan): string {
  return `${starts * each} rounds of ${calls.toLocaleString('en-US')} calls, ${starts} × started anew`;
}

/** The median of the rounds. */
function both({ asyncmcp, baseline }: Comparison, take: (round: Round) => number): Pick<Figure, 'asyncmcp' | 'byHand'> {
  return { asyncmcp: median(asyncmcp.map(take)), byHand: median(baseline.map(take)) };
}

function barOn(on: Bar['on'], limit: Limit | undefined): Pick<Figure, 'bar'> {
  return limit === undefined ? {} : { bar: { on, limit } };
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
