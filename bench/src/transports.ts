import { benchmarkSnsSqs } from './sns-sqs/benchmark.js';
import { benchmarkSqs } from './sqs/benchmark.js';
import { benchmarkStreamableWebhook } from './streamable-webhook/benchmark.js';
import { benchmarkWebhook } from './webhook/benchmark.js';
import type { Benchmark } from './benchmark.js';

/** The benchmark of each transport, by the name it has on the command line. */
export const BENCHMARKS: Readonly<Record<string, Benchmark>> = {
  sqs: benchmarkSqs,
  'sns-sqs': benchmarkSnsSqs,
  webhook: benchmarkWebhook,
  'streamable-webhook': benchmarkStreamableWebhook,
};
