import type { AccessRules } from '../../src/mirror/access/policy.ts';
import { composeMirror, type RunningMirror } from '../../src/mirror/compose.ts';
import type { FreshnessPolicy } from '../../src/mirror/manifests/freshness.ts';
import { Routing } from '../../src/oci/routing.ts';
import { composeSpace, type Space } from '../../src/cache/space/compose.ts';
import type { SpaceSettings } from '../../src/cache/space/limits.ts';
import type { BlobAnswer, PullTarget } from '../../src/mirror/mirror.ts';
import type { PullThroughMirror } from '../../src/mirror/pull-through-mirror.ts';
import type { Warmer } from '../../src/mirror/warm/warmer.ts';
import { PullAheadCounter } from '../../src/cache/pull-ahead-counter.ts';
import type { PullAheadPolicy } from '../../src/mirror/pull-ahead/policy.ts';
import { anonymous, type Reader } from '../../src/mirror/access/reader.ts';
import {
  parseRepositoryName,
  parseUpstreamName,
  parseTag,
  type ManifestReference,
} from '../../src/oci/reference.ts';
import type { ContentStore } from '../../src/store/content-store.ts';
import type { MetadataStore } from '../../src/store/metadata-store.ts';
import { FilesystemContentStore } from '../../src/store/filesystem/content-store.ts';
import { SqliteMetadataStore } from '../../src/store/sqlite/metadata-store.ts';
import { Connectivity } from '../../src/upstream/connectivity.ts';
import { lazyRegistry } from '../../src/upstream/lazy-registry.ts';
import type { UpstreamRegistry } from '../../src/upstream/registry.ts';
import { eventually } from './deadline.ts';
import { logLines } from './log-lines.ts';
import { ScriptedUpstream } from './scripted-upstream.ts';
import { TempFolder } from './temp-folder.ts';
import { TestClock } from './test-clock.ts';

export interface MirrorFixtureOptions {
  /** What plain names mean. */
  readonly upstream?: ScriptedUpstream;
  readonly others?: readonly ScriptedUpstream[];
  /** False: plain names mean nothing. */
  readonly plain?: false;
  readonly access?: Partial<AccessRules>;
  /** False: clients cannot log in to this mirror. */
  readonly canLogIn?: false;
  readonly policy?: Partial<FreshnessPolicy>;
  /** Off, if not given. */
  readonly pullAhead?: Partial<PullAheadPolicy>;
  /** Without limits, if not given: how full the disk of the test machine is does not matter. */
  readonly space?: Partial<SpaceSettings>;
  /** True: its folder is in memory where that can be, since disks are slow to flush. */
  readonly inMemory?: true;
  readonly wrapContent?: (content: ContentStore) => ContentStore;
  readonly wrapMetadata?: (metadata: MetadataStore) => MetadataStore;
}

/** A mirror on real stores in a folder of its own, with a scripted upstream and a clock that a test holds. */
export class MirrorFixture implements AsyncDisposable {
  readonly clock = new TestClock();
  readonly connectivity = new Connectivity();
  readonly pullAheadCounter = new PullAheadCounter();
  readonly upstream: ScriptedUpstream;
  readonly #folder: TempFolder;
  readonly #options: MirrorFixtureOptions;
  #stores: { readonly content: ContentStore; readonly metadata: MetadataStore } | undefined;
  #opened: readonly { close(): Promise<void> }[] = [];
  #running: { readonly mirror: RunningMirror; readonly space: Space } | undefined;
  readonly #log = logLines('debug');

  private constructor(folder: TempFolder, options: MirrorFixtureOptions) {
    this.#folder = folder;
    this.#options = options;
    this.upstream = options.upstream ?? new ScriptedUpstream();
  }

  static async open(options: MirrorFixtureOptions = {}): Promise<MirrorFixture> {
    const folder = await (options.inMemory === true ? TempFolder.inMemory() : TempFolder.create());
    const fixture = new MirrorFixture(folder, options);
    await fixture.#start();
    return fixture;
  }

  get mirror(): PullThroughMirror {
    return this.#open(this.#running).mirror.mirror;
  }

  get warmer(): Warmer {
    return this.#open(this.#running).mirror.warmer;
  }

  get content(): ContentStore {
    return this.#open(this.#stores).content;
  }

  get metadata(): MetadataStore {
    return this.#open(this.#stores).metadata;
  }

  get space(): Space {
    return this.#open(this.#running).space;
  }

  /** Every line logged so far, at debug level. */
  get log(): readonly Record<string, unknown>[] {
    return this.#log.lines;
  }

  get path(): string {
    return this.#folder.path;
  }

  /** Stops the mirror and starts it again on the same folder. */
  async restart(): Promise<void> {
    await this.#stop();
    await this.#start();
  }

  /**
   * Starts again on the same folder without having stopped: for stores that were wrapped, and answer no more.
   */
  async crash(): Promise<void> {
    for (const store of this.#opened) await store.close();
    await this.#start();
  }

  /** Waits until fills and readers have let go of everything, and the limits are kept. */
  async settled(): Promise<void> {
    const blobs = [this.upstream, ...(this.#options.others ?? [])].flatMap((upstream) => upstream.blobs);
    await eventually(60_000, 'the end of fills', () => !blobs.some((blob) => this.space.inUse.has(blob)));
    await this.space.enforcer.makeRoom();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
    await this.#folder.remove();
  }

  async #start(): Promise<void> {
    const { wrapContent, wrapMetadata, policy, access, others = [] } = this.#options;
    const stored = await FilesystemContentStore.open(this.#folder.path, { clock: this.clock });
    const recorded = await SqliteMetadataStore.open(this.#folder.join('metadata.sqlite'), this.clock);
    const content = wrapContent?.(stored) ?? stored;
    const metadata = wrapMetadata?.(recorded) ?? recorded;
    this.#stores = { content, metadata };
    this.#opened = [recorded, stored];
    const { clock } = this;
    const { logger } = this.#log;
    const registries = [this.upstream, ...others];
    const plain = this.#options.plain === false ? undefined : this.upstream.name;
    const space = composeSpace({
      content,
      metadata,
      settings: {
        maxsize: undefined,
        minfree: { bytes: 0 },
        quotas: [],
        pins: [],
        ttlMs: 0,
        ...this.#options.space,
      },
      upstreams: registries.map(({ name }) => name),
      names: new Routing(registries, plain),
      clock,
      logger,
    });
    const mirror = await composeMirror({
      upstreams: registries.map((registry) => ({
        registry: this.#switched(registry),
        anonymous: registry.anonymous && this.#switched(registry.anonymous),
        as: (credentials) => this.#switched(registry.as(credentials)),
        rateLimit: () => registry.rateLimit,
        freshness: {
          tagMs: policy?.tagMs ?? 60_000,
          rules: policy?.rules ?? [],
          gone: policy?.gone ?? 'keep',
        },
        // A test that counts what upstream is asked asks for it itself.
        pullAhead: { enabled: false, parallel: 4, ...this.#options.pullAhead },
        ranges: { connections: 8, minBytes: 16 * 2 ** 20 },
      })),
      plain,
      access: { ...everythingAllowed, ...access },
      canLogIn: this.#options.canLogIn ?? true,
      content,
      metadata,
      space,
      pullAheadCounter: this.pullAheadCounter,
      connectivity: this.connectivity,
      clock,
      logger,
      random: () => 0.5,
    });
    space.start();
    this.#running = { mirror, space };
  }

  /** As assembly/upstreams.ts has it. */
  #switched(registry: ScriptedUpstream): UpstreamRegistry {
    return lazyRegistry(registry.name, () => Promise.resolve(registry), this.connectivity);
  }

  async #stop(): Promise<void> {
    await this.#running?.mirror[Symbol.asyncDispose]();
    await this.#running?.space[Symbol.asyncDispose]();
    await this.#stores?.metadata.close();
    await this.#stores?.content.close();
  }

  #open<T>(part: T | undefined): T {
    if (part === undefined) throw new Error('the fixture is closed');
    return part;
  }
}

const everythingAllowed: AccessRules = {
  anonymous: 'allow',
  private: 'authenticated',
  groups: {},
  rules: [],
  mirror: { allow: [], deny: [] },
};

/** `library/hello`, or `library/hello` as some registry's; asked for by nobody in particular. */
export function target(name: string, namespace?: string, reader: Reader = anonymous): PullTarget {
  const parsed = parseRepositoryName(name);
  if (parsed === undefined) throw new Error(`not a repository name: ${name}`);
  return {
    name: parsed,
    namespace: namespace === undefined ? undefined : parseUpstreamName(namespace),
    reader,
    cachedOnly: false,
  };
}

/** The same, asked for by a web page. */
export function fromWebPage(asked: PullTarget): PullTarget {
  return { ...asked, cachedOnly: true };
}

/** Somebody who has logged in. */
export function somebody(user: string, ...groups: readonly string[]): Reader {
  return { ...anonymous, user, groups };
}

export function byTag(text: string): ManifestReference {
  const tag = parseTag(text);
  if (tag === undefined) throw new Error(`not a tag: ${text}`);
  return { tag };
}

/** All bytes of a blob from `position` on, read as a client would; the blob is closed. */
export async function readAll(blob: BlobAnswer, position = 0): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for (let at = position; ;) {
      const buffer = Buffer.alloc(16 * 1024);
      const count = await blob.read(buffer, buffer.length, at);
      if (count === 0) return Buffer.concat(chunks);
      chunks.push(buffer.subarray(0, count));
      at += count;
    }
  } finally {
    await blob.close();
  }
}
