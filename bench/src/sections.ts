/** From rounds to figures: the same for every transport. */
import { pairRatios } from './compare.js';
import { median, percentile } from './statistics.js';
import { addApiCalls, totalOf } from './usage.js';
import type { Comparison, ComparisonPlan } from './compare.js';
import type { Round } from './contender.js';
import type { ApiCalls } from './usage.js';
import type { Figure, Limit, Section } from './report.js';

/** The bars that not every transport has. */
export interface Bars {
  /** On the ratio of the throughputs. */
  readonly throughput?: Limit;
}

export function oneAtATimeSection(comparison: Comparison, plan: ComparisonPlan): Section {
  const middle = (round: Round): number => median(round.latenciesMs);
  const figures: Figure[] = [
    {
      ...both(comparison, middle),
      label: 'latency, median',
      unit: 'ms',
      bar: { on: 'ratio', limit: { atMost: 1.15 } },
    },
    { ...both(comparison, (round) => percentile(round.latenciesMs, 0.99)), label: 'latency, p99', unit: 'ms' },
    { ...both(comparison, cpuPerThousandCalls), label: 'CPU per 1,000 calls, both sides', unit: 's' },
  ];
  return {
    title: `One call at a time: ${rounds(plan)}`,
    figures,
    notes: [spread('median latency', pairRatios(comparison, middle))],
    details: details(comparison, plan),
  };
}

export function manyInFlightSection(comparison: Comparison, plan: ComparisonPlan, bars: Bars): Section {
  const figures: Figure[] = [
    {
      ...both(comparison, apiCallsPerCall),
      label: 'AWS API calls per call, both sides',
      unit: '',
      bar: { on: 'value', limit: { atMost: 1 } },
    },
    {
      ...both(comparison, throughput),
      label: 'throughput',
      unit: '/s',
      ...(bars.throughput !== undefined && { bar: { on: 'ratio', limit: bars.throughput } }),
    },
    { ...both(comparison, (round) => median(round.latenciesMs)), label: 'latency, median', unit: 'ms' },
    { ...both(comparison, (round) => percentile(round.latenciesMs, 0.99)), label: 'latency, p99', unit: 'ms' },
    { ...both(comparison, cpuPerThousandCalls), label: 'CPU per 1,000 calls, both sides', unit: 's' },
  ];
  return {
    title: `${plan.inFlight} calls in flight: ${rounds(plan)}`,
    figures,
    notes: [
      spread('throughput', pairRatios(comparison, throughput)),
      `asyncmcp: ${actions(comparison.asyncmcp)} (a hundred calls)`,
      `by hand:  ${actions(comparison.byHand)}`,
    ],
    details: details(comparison, plan),
  };
}

function rounds({ starts, rounds: each, calls }: ComparisonPlan): string {
  return `${starts * each} rounds of ${calls.toLocaleString('en-US')} calls, ${starts} × started anew`;
}

/** The median of the rounds. */
function both({ asyncmcp, byHand }: Comparison, take: (round: Round) => number): { asyncmcp: number; byHand: number } {
  return { asyncmcp: median(asyncmcp.map(take)), byHand: median(byHand.map(take)) };
}

function throughput({ calls, elapsedMs }: Round): number {
  return (calls / elapsedMs) * 1000;
}

function apiOf({ client, server }: Round): ApiCalls {
  return addApiCalls(client.api, server.api);
}

function apiCallsPerCall(round: Round): number {
  return totalOf(apiOf(round)) / round.calls;
}

/** In seconds. */
function cpuPerThousandCalls({ calls, client, server }: Round): number {
  return (client.cpuMs + server.cpuMs) / calls;
}

function spread(what: string, ratios: readonly number[]): string {
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)];
  return `ratio of the ${what}, round by round: ${least.toFixed(2)} to ${most.toFixed(2)}, median ${median(ratios).toFixed(2)}`;
}

function actions(rounds: readonly Round[]): string {
  const calls = rounds.reduce((total, round) => total + round.calls, 0);
  return Object.entries(addApiCalls(...rounds.map(apiOf)))
    .filter(([, count]) => count > 0)
    .map(([action, count]) => `${action} ${((count / calls) * 100).toFixed(1)}`)
    .join(', ');
}

/** Each round without its single latencies. */
function details(comparison: Comparison, plan: ComparisonPlan): unknown {
  const summary = ({ latenciesMs, ...round }: Round): unknown => ({
    ...round,
    latencyMs: { p50: median(latenciesMs), p99: percentile(latenciesMs, 0.99) },
  });
  return { plan, asyncmcp: comparison.asyncmcp.map(summary), byHand: comparison.byHand.map(summary) };
}
