import { readdir, readFile } from 'node:fs/promises';

/** Clock ticks a second in `/proc/PID/stat`: USER_HZ, which is 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** What `/proc/PID/stat` says of a process (proc_pid_stat(5)). */
export interface ProcessStat {
  readonly parent: number;
  /** User and system time of the process and of those children that it has waited for. */
  readonly cpuSeconds: number;
}

/** Reads a line of `/proc/PID/stat`. The command, in parentheses, may hold spaces and parentheses itself. */
export function parseStat(line: string): ProcessStat {
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const [parent, ...ticks] = [1, 11, 12, 13, 14].map((index) => Number(fields[index]));
  if (parent === undefined || !Number.isFinite(parent))
    throw new Error(`not a line of /proc/PID/stat: ${line}`);
  return { parent, cpuSeconds: ticks.reduce((sum, each) => sum + each, 0) / ticksPerSecond };
}

/** The peak resident set in `/proc/PID/status`, in bytes; 0 where it is not told. */
export function parsePeakMemory(status: string): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
}

/** CPU time and peak memory of a process and all its descendants that live. */
export class ProcessTree {
  readonly #root: number;

  constructor(root: number) {
    this.#root = root;
  }

  async cpuSeconds(): Promise<number> {
    const stats = await this.#members();
    return [...stats.values()].reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
  }

  /** Sum of each process's own peak, in bytes; pages that processes share count once for each. */
  async peakMemory(): Promise<number> {
    const peaks = await Promise.all(
      [...(await this.#members()).keys()].map(async (pid) =>
        parsePeakMemory(await readFile(`/proc/${pid}/status`, 'utf8')),
      ),
    );
    return peaks.reduce((sum, peak) => sum + peak, 0);
  }

  async #members(): Promise<ReadonlyMap<number, ProcessStat>> {
    const all = new Map<number, ProcessStat>();
    for (const entry of await readdir('/proc')) {
      if (!/^\d+$/.test(entry)) continue;
      try {
        all.set(Number(entry), parseStat(await readFile(`/proc/${entry}/stat`, 'utf8')));
      } catch {
        // It ended between the listing and the reading.
      }
    }
    const members = new Map<number, ProcessStat>();
    let generation = [this.#root];
    while (generation.length > 0) {
      for (const pid of generation) {
        const stat = all.get(pid);
        if (stat !== undefined) members.set(pid, stat);
      }
      generation = [...all]
        .filter(([pid, { parent }]) => generation.includes(parent) && !members.has(pid))
        .map(([pid]) => pid);
    }
    return members;
  }
}
