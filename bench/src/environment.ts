import { cpus, loadavg, totalmem } from 'node:os';

/** The machine, as far as it explains the figures. */
export interface Environment {
  readonly node: string;
  readonly platform: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  /** Of the last minute, before the benchmark: what else the machine was doing. */
  readonly load: number;
}

export function environment(): Environment {
  const [cpu] = cpus();
  return {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpu?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    load: loadavg()[0] ?? 0,
  };
}

export function renderEnvironment({ node, platform, cpu, cores, memoryGiB, load }: Environment): string {
  return `node ${node}, ${platform}, ${cores} × ${cpu}, ${memoryGiB} GiB; load before: ${load.toFixed(2)}`;
}
