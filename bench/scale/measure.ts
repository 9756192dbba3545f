import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { z } from 'zod';
import { mediaTypes } from '../../src/oci/media-type.ts';
import { freePort, untilAnswered } from '../port.ts';
import { ProcessTree } from '../process-tree.ts';
import type { Processes, Service } from '../processes.ts';
import { median } from '../statistics.ts';
import { blobBytes, blobsPerImage } from './stock.ts';

const entry = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const script = fileURLToPath(new URL('random-tags.lua', import.meta.url));

/** Images that one eviction has to take; of a small store, half of them. */
const evictedImages = 1000;
/** Each of which waits a moment between requests (`random-tags.lua`). */
const connections = 4;
const starts = 3;

const latencies = z.object({
  requests: z.number(),
  microseconds: z.number(),
  failures: z.number(),
  p50: z.number(),
  p99: z.number(),
  max: z.number(),
});

const stats = z.object({ store: z.object({ bytes: z.number(), databaseBytes: z.number() }) });

/** What a store of one size costs. */
export interface ScaleFigures {
  /** Seconds from the start of the process to its first answer. */
  readonly start: number;
  readonly rate: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Seconds that the eviction took, and how many images it took. */
  readonly eviction: number;
  readonly evicted: number;
  /** Milliseconds, of pulls during the eviction. */
  readonly p99Meanwhile: number;
  readonly maxMeanwhile: number;
  /** Milliseconds: the slowest without an eviction, for comparison. */
  readonly maxOtherwise: number;
  /** Bytes, peak. */
  readonly memory: number;
}

interface Running {
  readonly url: URL;
  readonly service: Service;
}

/** Measures Entrepot on the data folder `root`, which holds so many images. */
export class ScaleBench {
  readonly #processes: Processes;
  readonly #folder: string;
  readonly #configuration: string;
  readonly #seconds: number;

  /** Keeps configuration and logs in `folder`; loads last `seconds`. */
  constructor(processes: Processes, folder: string, seconds: number) {
    this.#processes = processes;
    this.#folder = folder;
    this.#configuration = join(folder, 'entrepot.yml');
    this.#seconds = seconds;
  }

  async measure(root: string, images: number): Promise<ScaleFigures> {
    const startTimes: number[] = [];
    for (let start = 1; start < starts; start += 1) {
      const startedAt = performance.now();
      const { service } = await this.#start(root);
      startTimes.push((performance.now() - startedAt) / 1000);
      await service.stop();
    }
    const startedAt = performance.now();
    const { url, service } = await this.#start(root);
    startTimes.push((performance.now() - startedAt) / 1000);
    try {
      await this.#load(url, images, 2);
      const quiet = await this.#load(url, images, this.#seconds);
      const busy = this.#load(url, images, this.#seconds);
      await sleep(500);
      const { seconds: eviction, evicted } = await this.#evict(images);
      const meanwhile = await busy;
      return {
        start: median(startTimes),
        rate: quiet.requests / (quiet.microseconds / 1e6),
        p50: quiet.p50 / 1e3,
        p99: quiet.p99 / 1e3,
        maxOtherwise: quiet.max / 1e3,
        eviction,
        evicted,
        p99Meanwhile: meanwhile.p99 / 1e3,
        maxMeanwhile: meanwhile.max / 1e3,
        memory: await new ProcessTree(service.pid).peakMemory(),
      };
    } finally {
      await service.stop();
    }
  }

  /** Upstream is a port at which nobody is: all there is comes from the store. */
  async #start(root: string): Promise<Running> {
    const port = await freePort();
    await writeFile(
      this.#configuration,
      stringify({
        version: 0.1,
        log: { level: 'info' },
        storage: { filesystem: { rootdirectory: root }, minfree: '0', scrub: '0' },
        http: { addr: `127.0.0.1:${port}` },
        proxy: { ttl: '0', freshness: { default: '24h' } },
        upstreams: { 'docker.io': { url: 'http://127.0.0.1:9' } },
      }),
    );
    const service = this.#processes.serve(
      process.execPath,
      [entry, 'serve', this.#configuration],
      join(this.#folder, 'entrepot.log'),
    );
    const url = new URL(`http://127.0.0.1:${port}/`);
    await untilAnswered(new URL('/v2/', url), service.failed);
    return { url, service };
  }

  async #load(url: URL, images: number, seconds: number): Promise<z.infer<typeof latencies>> {
    const output = await this.#processes.output('env', [
      `IMAGES=${images}`,
      'wrk',
      '--threads=1',
      `--connections=${connections}`,
      `--duration=${seconds}s`,
      '--timeout=10s',
      `--header=Accept: ${mediaTypes.ociManifest}`,
      `--script=${script}`,
      url.href,
    ]);
    const measured = latencies.parse(JSON.parse(output.trimEnd().split('\n').at(-1) ?? ''));
    if (measured.failures > 0)
      throw new Error(`${measured.failures} of ${measured.requests} requests failed`);
    return measured;
  }

  /** Asks the running server, as an operator does, to come down to what is left without the oldest images. */
  async #evict(images: number): Promise<{ readonly seconds: number; readonly evicted: number }> {
    const { store } = stats.parse(JSON.parse(await this.#command('stats')));
    const going = Math.min(evictedImages, images / 2) * blobsPerImage * blobBytes;
    const startedAt = performance.now();
    const output = await this.#command('prune', '--to', String(store.bytes + store.databaseBytes - going));
    const evicted = output.split('\n').filter((line) => line.includes('"digest"')).length;
    return { seconds: (performance.now() - startedAt) / 1000, evicted };
  }

  #command(name: string, ...args: readonly string[]): Promise<string> {
    const common = ['--json', '--config', this.#configuration];
    return this.#processes.output(process.execPath, [entry, name, ...args, ...common]);
  }
}
