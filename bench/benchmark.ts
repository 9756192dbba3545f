import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { thisMachine } from './machine.ts';
import type { Peer } from './peers/peer.ts';
import type { Processes } from './processes.ts';
import type { Report, Result } from './report.ts';
import type { Row } from './rows/row.ts';
import { Upstream } from './upstream/upstream.ts';

export interface BenchmarkOptions {
  readonly rows: readonly Row[];
  readonly peers: readonly Peer[];
  /** How long a timed load lasts. */
  readonly seconds: number;
  /** How often each row is measured. */
  readonly repeat: number;
}

/** Puts every row to every peer, one peer at a time. */
export class Benchmark {
  readonly #options: BenchmarkOptions;
  readonly #processes: Processes;
  readonly #folder: string;
  readonly #progress: (line: string) => void;

  /** Works in `folder`; tells `progress` of each measurement as it is made. */
  constructor(
    options: BenchmarkOptions,
    processes: Processes,
    folder: string,
    progress: (line: string) => void,
  ) {
    this.#options = options;
    this.#processes = processes;
    this.#folder = folder;
    this.#progress = progress;
  }

  /** Measures all. What fails is noted and left out: one weak peer does not spoil the rest. */
  async run(): Promise<Report> {
    const { rows, peers, seconds, repeat } = this.#options;
    const takenAt = new Date().toISOString();
    const upstream = await Upstream.start(this.#processes, this.#folder);
    const versions: Record<string, string> = {};
    for (const peer of peers) versions[peer.name] = await peer.version(this.#processes);
    const samples = new Map<string, Record<string, number[]>>();
    const failures: string[] = [];
    for (const row of rows) {
      // Peers take turns, so that a slow minute of the machine strikes all of them.
      for (let turn = 1; turn <= repeat; turn += 1) {
        for (const peer of peers) {
          const what = `${row.name}, ${peer.name}, ${turn} of ${repeat}`;
          try {
            const values = await this.#measure(row, peer, upstream);
            for (const [figure, value] of Object.entries(values)) {
              const key = `${row.name} ${figure}`;
              const byPeer = samples.get(key) ?? {};
              samples.set(key, byPeer);
              (byPeer[peer.name] ??= []).push(value);
            }
            this.#progress(`${what}: ${JSON.stringify(values)}`);
          } catch (error) {
            const failure = `${what}: ${error instanceof Error ? error.message : String(error)}`;
            failures.push(failure);
            this.#progress(failure);
          }
        }
      }
    }
    const results: readonly Result[] = rows.flatMap((row) =>
      row.figures.map((figure) => ({
        ...figure,
        row: row.name,
        samples: samples.get(`${row.name} ${figure.id}`) ?? {},
      })),
    );
    return { takenAt, machine: thisMachine(), peers: versions, seconds, repeat, results, failures };
  }

  /** Measures one row on one peer that has just started, and has nothing in its store. */
  async #measure(row: Row, peer: Peer, upstream: Upstream): Promise<Readonly<Record<string, number>>> {
    const folder = join(this.#folder, peer.name);
    await mkdir(folder);
    try {
      const running = await peer.start({ processes: this.#processes, upstream: upstream.url, folder });
      try {
        return await row.measure({
          processes: this.#processes,
          upstream,
          peer: running,
          folder,
          seconds: this.#options.seconds,
        });
      } finally {
        await running.stop();
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}
