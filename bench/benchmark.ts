import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { thisMachine } from './machine.ts';
import { makeCertificate, type Certificate } from './certificate.ts';
import { Notes, type Values } from './notes.ts';
import type { Peer, PeerSetting, RunningPeer } from './peers/peer.ts';
import type { Processes } from './processes.ts';
import type { Report } from './report.ts';
import type { Row } from './rows/row.ts';
import { Upstream } from './upstream/upstream.ts';

export interface BenchmarkOptions {
  readonly rows: readonly Row[];
  readonly peers: readonly Peer[];
  /** How long a timed load lasts. */
  readonly seconds: number;
  /** How often each row is measured. */
  readonly repeat: number;
  /** Seconds after which no measurement is begun any more; as long as it takes if not given. */
  readonly budget?: number;
}

/** What all measurements share. */
interface Site {
  readonly upstream: Upstream;
  readonly certificate: Certificate;
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
    const { rows, peers, seconds, repeat, budget } = this.#options;
    const takenAt = new Date().toISOString();
    const machine = thisMachine();
    const site = await this.#prepare();
    const versions: Record<string, string> = {};
    for (const peer of peers) versions[peer.name] = await peer.version(this.#processes);
    const notes = new Notes();
    const endsAt = performance.now() + (budget ?? Infinity) * 1000;
    for (const row of rows) {
      // Peers take turns, so that a slow minute of the machine strikes all of them.
      for (let turn = 1; turn <= repeat; turn += 1) {
        for (const peer of peers) {
          if (performance.now() < endsAt) await this.#note(row, peer, `${turn} of ${repeat}`, site, notes);
          else notes.remark(`${row.name}, ${peer.name}: left out, the time was up`);
        }
      }
    }
    return { takenAt, machine, peers: versions, seconds, repeat, ...notes.about(rows) };
  }

  async #prepare(): Promise<Site> {
    return {
      upstream: await Upstream.start(this.#processes, this.#folder),
      certificate: await makeCertificate(this.#folder),
    };
  }

  async #note(row: Row, peer: Peer, turn: string, site: Site, notes: Notes): Promise<void> {
    const what = `${row.name}, ${peer.name}`;
    try {
      const values = await this.#measure(row, peer, site, (text) => {
        notes.remark(`${what}: ${text}`);
      });
      notes.add(row, peer, values);
      this.#progress(`${what}, ${turn}: ${JSON.stringify(values)}`);
    } catch (error) {
      const failure = `${what}, ${turn}: ${error instanceof Error ? error.message : String(error)}`;
      notes.fail(failure);
      this.#progress(failure);
    }
  }

  /** Measures one row on one peer that has just started, and has nothing in its store. */
  async #measure(
    row: Row,
    peer: Peer,
    { upstream, certificate }: Site,
    remark: (text: string) => void,
  ): Promise<Values> {
    const folder = join(this.#folder, peer.name);
    await mkdir(folder);
    let starts = 0;
    const start = async (options?: Pick<PeerSetting, 'maxRate'>): Promise<RunningPeer> => {
      starts += 1;
      const own = join(folder, String(starts));
      await mkdir(own);
      return peer.start({
        processes: this.#processes,
        upstream: upstream.url,
        folder: own,
        certificate: row.tls === true ? certificate : undefined,
        ...options,
      });
    };
    try {
      const running = await start();
      try {
        return await row.measure({
          processes: this.#processes,
          upstream,
          peer: running,
          seconds: this.#options.seconds,
          startAnother: start,
          remark,
        });
      } finally {
        await running.stop();
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}
