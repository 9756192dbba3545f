import { pino } from 'pino';
import { startEntrepot, type RunningEntrepot } from '../../src/assembly/server.ts';
import type { Clock } from '../../src/base/clock.ts';
import type { AuthConfig, Config, UpstreamConfig } from '../../src/config/config.ts';
import type { FreshnessPolicy } from '../../src/mirror/manifests/freshness.ts';
import type { AccessRules } from '../../src/mirror/access/policy.ts';
import type { PullAheadPolicy } from '../../src/mirror/pull-ahead/policy.ts';
import { parseUpstreamName } from '../../src/oci/reference.ts';
import type { BasicCredentials } from '../../src/base/basic-auth.ts';
import { TempFolder } from './temp-folder.ts';
import { SkewedClock } from './skewed-clock.ts';

/** An upstream besides the default one. */
interface TestUpstream extends Partial<Omit<UpstreamConfig, 'name' | 'urls' | 'credentials'>> {
  readonly name: string;
  /** Its origin, or several. */
  readonly url: string | readonly [string, ...string[]];
  readonly credentials?: BasicCredentials | undefined;
}

export interface TestEntrepotOptions {
  /** The upstream's origin. */
  readonly upstream: string;
  /** Its name; Docker Hub's if not given. */
  readonly name?: string;
  readonly credentials?: BasicCredentials | undefined;
  /** Whether another mirror answers there, for this registry and {@link others} alike. */
  readonly throughMirror?: boolean;
  readonly timeouts?: Partial<Config['timeouts']>;
  readonly http?: Partial<Config['http']>;
  readonly freshness?: Partial<FreshnessPolicy>;
  /** Off, if not given; {@link others} have their own. */
  readonly pullAhead?: PullAheadPolicy;
  readonly others?: readonly TestUpstream[];
  /** Bytes a second from all upstreams. */
  readonly maxRate?: number;
  /** True: it starts offline. */
  readonly offline?: boolean;
  /** False: plain names mean nothing. */
  readonly plain?: false;
  readonly auth?: Partial<AuthConfig>;
  readonly access?: Partial<AccessRules>;
  readonly storage?: Partial<Omit<Config['storage'], 'rootdirectory'>>;
  readonly pins?: readonly string[];
  readonly warm?: Config['warm'];
  /** None, if not given: no test depends on whom the machine trusts. */
  readonly systemStores?: Config['systemStores'];
}

/**
 * The whole of Entrepot in this process, on real sockets and a folder of its own, its log kept for the test
 * to read.
 */
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

  /** The origin of the listener without logins. */
  get publicUrl(): string {
    const address = this.#running?.publicAddress;
    if (address === undefined) throw new Error('Entrepot has no public address');
    return address;
  }

  /** The origin of the listener that stands for one upstream. */
  urlOf(upstream: string): string {
    const bound = this.#running?.bound.find((one) => one.upstream === upstream);
    if (bound === undefined) throw new Error(`no listener stands for ${upstream}`);
    return bound.address;
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
    await this.#running?.[Symbol.asyncDispose]();
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
    const { others = [], auth, access, pullAhead = noPullAhead, throughMirror } = this.#options;
    const first = upstreamConfig(
      { name, url: upstream, credentials, pullAhead, throughMirror: throughMirror ?? false },
      freshness,
    );
    return {
      log: { level: 'trace', formatter: 'json', fields: {} },
      storage: {
        rootdirectory: this.#folder.path,
        deleteEnabled: false,
        maxsize: undefined,
        // Whatever the disk that tests run on has left.
        minfree: { bytes: 0 },
        scrubMs: 0,
        quotas: [],
        ...this.#options.storage,
      },
      http: {
        addr: { host: '127.0.0.1', port: 0 },
        publicAddr: undefined,
        headers: {},
        tls: undefined,
        draintimeoutMs: 2000,
        ...http,
      },
      upstreams: [first, ...others.map((other) => upstreamConfig(other, freshness))],
      offline: this.#options.offline ?? false,
      maxRate: this.#options.maxRate,
      plain: this.#options.plain === false ? undefined : first.name,
      auth: { htpasswd: undefined, token: undefined, passthrough: false, ...auth },
      access: {
        anonymous: 'allow',
        private: 'authenticated',
        groups: {},
        rules: [],
        mirror: { allow: [], deny: [] },
        ...access,
      },
      pins: this.#options.pins ?? [],
      warm: this.#options.warm,
      ttlMs: 0,
      timeouts: { connectMs: 5000, headerMs: 4000, idleMs: 4000, ...timeouts },
      systemStores: this.#options.systemStores ?? { files: [], directories: [] },
      catalogMaxEntries: 1000,
      tagsMax: undefined,
    };
  }
}

/** Most tests count what upstream is asked. */
const noPullAhead: PullAheadPolicy = { enabled: false, parallel: 4 };

function upstreamConfig(
  { name, url, credentials, ...rest }: TestUpstream,
  freshness: Partial<FreshnessPolicy> | undefined,
): UpstreamConfig {
  const upstreamName = parseUpstreamName(name);
  if (upstreamName === undefined) throw new Error(`not an upstream name: ${name}`);
  const [first, ...more] = typeof url === 'string' ? [url] : url;
  return {
    name: upstreamName,
    urls: [new URL(first), ...more.map((one) => new URL(one))],
    credentials: credentials === undefined ? undefined : { kind: 'static', ...credentials },
    ca: undefined,
    insecure: false,
    proxy: undefined,
    redirects: [],
    throughMirror: false,
    freshness: { tagMs: 60_000, rules: [], gone: 'keep', ...freshness },
    pullAhead: noPullAhead,
    ranges: { connections: 8, minBytes: 16 * 2 ** 20 },
    maxRate: undefined,
    hosts: [],
    listen: undefined,
    ...rest,
  };
}
