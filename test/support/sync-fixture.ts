import { Readable } from 'node:stream';
import { systemClock } from '../../src/base/system-clock.ts';
import { sync, type SyncOptions } from '../../src/cli/transfer/sync.ts';
import type { WarmEvent, WarmedImage } from '../../src/mirror/warm/schemas.ts';
import { ask } from './ask.ts';
import { writeConfigurationFile } from './configuration-file.ts';
import type { RawAnswer } from './raw-client.ts';
import { TempFolder } from './temp-folder.ts';
import { TestEntrepot } from './test-entrepot.ts';

/** Where no registry answers: what is served from there is cached. */
const nowhere = 'http://127.0.0.1:1';

/** How a run of `entrepot sync` ended. */
export interface SyncRun {
  readonly code: number;
  readonly images: readonly WarmedImage[];
  readonly events: readonly WarmEvent[];
  readonly err: string;
}

/** A mirror without upstreams, to be filled by `entrepot sync`. */
export class SyncFixture implements AsyncDisposable {
  readonly mirror: TestEntrepot;
  readonly #folder: TempFolder;
  readonly #config: string;

  private constructor(mirror: TestEntrepot, folder: TempFolder, config: string) {
    this.mirror = mirror;
    this.#folder = folder;
    this.#config = config;
  }

  static async open(): Promise<SyncFixture> {
    const folder = await TempFolder.create();
    const mirror = await TestEntrepot.start({
      upstream: nowhere,
      others: [{ name: 'ghcr.io', url: nowhere }],
    });
    const config = await writeConfigurationFile(folder, {
      storage: { filesystem: { rootdirectory: mirror.folder }, minfree: 0 },
      upstreams: { 'docker.io': { url: nowhere }, 'ghcr.io': { url: nowhere } },
    });
    return new SyncFixture(mirror, folder, config);
  }

  /** Runs the command, in this process. */
  async sync(
    url: string,
    names: readonly string[] = [],
    options: Partial<SyncOptions> = {},
    { signal = new AbortController().signal, stdin = '' }: { signal?: AbortSignal; stdin?: string } = {},
  ): Promise<SyncRun> {
    let out = '';
    let err = '';
    const terminal = {
      out: (text: string) => void (out += text),
      err: (text: string) => void (err += text),
      interactive: false,
    };
    const environment = { HOME: this.#folder.path };
    const code = await sync(
      url,
      names,
      { config: this.#config, build: true, json: true, ...options },
      { terminal, clock: systemClock(), interrupted: signal },
      { stdin: Readable.from([Buffer.from(stdin)]), environment },
    );
    const events = out
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as WarmEvent);
    const images = events.flatMap((event) => (event.type === 'image' ? [event.image] : []));
    return { code, images, events, err };
  }

  /** What a client gets. */
  get(path: string): Promise<RawAnswer> {
    return ask(this.mirror.url, path, { accept: '*/*' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mirror[Symbol.asyncDispose]();
    await this.#folder.remove();
  }
}
