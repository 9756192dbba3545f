import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';

/** Where figures were taken; without it they mean nothing. */
export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly kernel: string;
  /** Version of Node that runs both Entrepot and the benchmark's own client and upstream. */
  readonly node: string;
  readonly memoryMiB: number;
  /** Processes that ran or wanted to, over the last minute before the run: what else it had to do. */
  readonly load: number;
}

export function thisMachine(): Machine {
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? 'an unknown CPU',
    kernel: release(),
    node: process.versions.node,
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    load: loadavg()[0] ?? 0,
  };
}
