import { pino } from 'pino';
import { startEntrepot, type RunningEntrepot } from '../../src/app.ts';
import type { Clock } from '../../src/clock.ts';
import type { Config, FreshnessConfig } from '../../src/config/config.ts';
import { parseUpstreamName } from '../../src/oci/reference.ts';
import { TempFolder } from './temp-folder.ts';
import { SkewedClock } from './skewed-clock.ts';

export interface TestEntrepotOptions {
  /** The upstream's origin. */
  readonly upstream: string;
  /** Its name; Docker Hub's if not given. */
  readonly name?: string;
  readonly credentials?: { readonly username: string; readonly password: string };
  readonly timeouts?: Partial<Config['timeouts']>;
  readonly http?: Partial<Config['http']>;
  readonly freshness?: Partial<FreshnessConfig>;
}

/** The whole of Entrepot in this process, on real sockets and a folder of its own, its log kept for the test to read. */
export class TestEntrepot implements AsyncDisposable {
  /** Real time, which a test can move forward. */
  readonly clock = new SkewedClock();
  readonly #folder: TempFolder;
  readonly #options: TestEntrepotOptions;
  readonly #log: string[] = [];
  #running: RunningEntrepot | undefined;

  private constructor(folder: TempFolder, options: TestEntrepotOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  static async start(options: TestEntrepotOptions): Promise<TestEntrepot> {
    const entrepot = new TestEntrepot(await TempFolder.create(), options);
    await entrepot.start();
    return entrepot;
  }

  /** Its origin, such as `http://127.0.0.1:40123`. */
  get url(): string {
    const [address] = this.#running?.addresses ?? [];
    if (address === undefined) throw new Error('Entrepot is not running');
    return address;
  }

  get folder(): string {
    return this.#folder.path;
  }

  /** Every line logged so far, at trace level, as JSON. */
  get log(): string {
    return this.#log.join('');
  }

  async start(): Promise<void> {
    const clock: Clock = this.clock;
    const logger = pino({ level: 'trace' }, { write: (line: string) => void this.#log.push(line) });
    this.#running = await startEntrepot(this.#config(), { logger, clock });
  }

  async stop(): Promise<void> {
    await this.#running?.close();
    this.#running = undefined;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#folder.remove();
  }

  #config(): Config {
    const { upstream, name = 'docker.io', credentials, timeouts, http, freshness } = this.#options;
    const upstreamName = parseUpstreamName(name);
    if (upstreamName === undefined) throw new Error(`not an upstream name: ${name}`);
    return {
      log: { level: 'trace', formatter: 'json', fields: {} },
      storage: { rootdirectory: this.#folder.path, deleteEnabled: false },
      http: {
        addr: { host: '127.0.0.1', port: 0 },
        headers: {},
        tls: undefined,
        draintimeoutMs: 2000,
        ...http,
      },
      upstreams: [
        {
          name: upstreamName,
          urls: [new URL(upstream)],
          credentials: credentials === undefined ? undefined : { kind: 'static', ...credentials },
          ca: undefined,
          insecure: false,
          proxy: undefined,
          redirects: [],
          freshness: { tagMs: 60_000, rules: [], gone: 'keep', ...freshness },
          hosts: [],
          listen: undefined,
        },
      ],
      plain: upstreamName,
      auth: { htpasswd: undefined, token: undefined, passthrough: false },
      access: {
        anonymous: 'allow',
        private: 'authenticated',
        groups: {},
        rules: [],
        mirror: { allow: [], deny: [] },
      },
      ttlMs: 0,
      timeouts: { connectMs: 1000, headerMs: 1500, idleMs: 1500, ...timeouts },
      catalogMaxEntries: 1000,
      tagsMax: undefined,
    };
  }
}
