import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { composeCare, type Care } from '../../src/cache/care/compose.ts';
import type { Caretaker } from '../../src/cache/care/caretaker.ts';
import type { Finding, VerifyReport } from '../../src/cache/care/schemas.ts';
import { PullAheadCounter } from '../../src/cache/pull-ahead-counter.ts';
import { Routing } from '../../src/oci/routing.ts';
import { composeSpace, type Space } from '../../src/cache/space/compose.ts';
import type { SpaceSettings } from '../../src/cache/space/limits.ts';
import { composeTransfer, type Transfer } from '../../src/cache/transfer/compose.ts';
import { readManifest, type Manifest } from '../../src/oci/manifest.ts';
import type { Digest } from '../../src/oci/digest.ts';
import type { Repository, RepositoryName, Tag, UpstreamName } from '../../src/oci/reference.ts';
import type { ContentStore } from '../../src/store/content-store.ts';
import { FilesystemContentStore } from '../../src/store/filesystem/content-store.ts';
import { Layout } from '../../src/store/filesystem/layout.ts';
import { SqliteMetadataStore } from '../../src/store/sqlite/metadata-store.ts';
import type { Content, Image } from './image.ts';
import { logLines } from './log-lines.ts';
import { TempFolder } from './temp-folder.ts';
import { TestClock } from './test-clock.ts';

export interface CareFixtureOptions {
  readonly space?: Partial<SpaceSettings>;
  /** Thirty days if not given. */
  readonly scrubMs?: number;
  readonly wrapContent?: (content: ContentStore) => ContentStore;
}

interface Opened {
  readonly content: ContentStore;
  readonly metadata: SqliteMetadataStore;
  readonly space: Space;
  readonly care: Care;
  readonly transfer: Transfer;
}

const hub = 'docker.io' as UpstreamName;
const ghcr = 'ghcr.io' as UpstreamName;
const day = 24 * 60 * 60 * 1000;

/**
 * A cache of Docker Hub, which is the plain upstream, and of GHCR, on real stores, and what looks after it.
 */
export class CareFixture implements AsyncDisposable {
  readonly clock = new TestClock();
  readonly #folder: TempFolder;
  readonly #options: CareFixtureOptions;
  readonly #log = logLines('debug');
  #opened: Opened | undefined;

  private constructor(folder: TempFolder, options: CareFixtureOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  static async open(options: CareFixtureOptions = {}): Promise<CareFixture> {
    const fixture = new CareFixture(await TempFolder.create(), options);
    await fixture.#open();
    return fixture;
  }

  get caretaker(): Caretaker {
    return this.#parts.care.caretaker;
  }

  get scrubber(): Care['scrubber'] {
    return this.#parts.care.scrubber;
  }

  get transfer(): Transfer {
    return this.#parts.transfer;
  }

  get space(): Space {
    return this.#parts.space;
  }

  get content(): ContentStore {
    return this.#parts.content;
  }

  get metadata(): SqliteMetadataStore {
    return this.#parts.metadata;
  }

  get log(): readonly Record<string, unknown>[] {
    return this.#log.lines;
  }

  /** The path of the database. */
  get database(): string {
    return this.#folder.join('metadata.sqlite');
  }

  async restart(): Promise<void> {
    await this.closed(() => Promise.resolve());
  }

  /** Closes the stores for a while, so that another process, or what acts like one, can use their folder. */
  async closed<T>(work: (folder: string) => Promise<T>): Promise<T> {
    await this.#close();
    try {
      return await work(this.#folder.path);
    } finally {
      await this.#open();
    }
  }

  /** Stores an image as a pull does, `library/hello:latest` if not said otherwise. */
  async hold(image: Image, name = 'library/hello', ...tags: readonly string[]): Promise<void> {
    for (const blob of [image.config, ...image.layers]) await this.holdBlob(blob);
    for (const tag of tags.length === 0 ? ['latest'] : tags) await this.holdManifest(image, name, tag);
  }

  async holdBlob({ digest, bytes }: Content): Promise<void> {
    if ((await this.content.size(digest)) === undefined) await this.fileBlob({ digest, bytes });
    await this.metadata.putBlob(digest, bytes.length);
  }

  /** The bytes only: the database does not hear of them. */
  async fileBlob({ digest, bytes }: Pick<Content, 'digest' | 'bytes'>): Promise<void> {
    const ingest = await this.content.ingest(digest);
    await ingest.write([bytes]);
    await ingest.commit();
    await ingest.close();
  }

  async holdManifest(manifest: Manifest, name: string, tag?: string): Promise<void> {
    const contents = readManifest(manifest.bytes);
    const at = tag === undefined ? undefined : { name: tag as Tag, checkedAt: this.clock.now() };
    await this.metadata.putManifest(repository(name), manifest, contents, at);
  }

  /** Where the bytes of a blob are. */
  file(digest: Digest): string {
    return new Layout(this.#folder.path).blob(digest);
  }

  /** Changes one bit of a blob's file. */
  async damage(digest: Digest): Promise<void> {
    const bytes = await readFile(this.file(digest));
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    await writeFile(this.file(digest), bytes);
  }

  async cutShort(digest: Digest, length = 1): Promise<void> {
    await truncate(this.file(digest), length);
  }

  async lose(digest: Digest): Promise<void> {
    await rm(this.file(digest));
  }

  /** What a verification finds, and its report. */
  async verify(repair = false): Promise<{
    readonly findings: readonly Finding[];
    readonly report: VerifyReport;
  }> {
    const events = await Array.fromAsync(this.caretaker.verify({ repair }));
    const last = events.at(-1);
    if (last?.type !== 'report') throw new Error('the last event is no report');
    const findings = events.flatMap((event) => (event.type === 'finding' ? [event.finding] : []));
    return { findings, report: last.report };
  }

  async quarantined(): Promise<readonly Digest[]> {
    const all = await Array.fromAsync(this.content.listQuarantined());
    return all.map(({ digest }) => digest);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
    await this.#folder.remove();
  }

  get #parts(): Opened {
    if (this.#opened === undefined) throw new Error('the fixture is closed');
    return this.#opened;
  }

  async #open(): Promise<void> {
    const { clock } = this;
    const { logger } = this.#log;
    const { wrapContent, scrubMs = 30 * day } = this.#options;
    const stored = await FilesystemContentStore.open(this.#folder.path);
    const content = wrapContent?.(stored) ?? stored;
    const metadata = await SqliteMetadataStore.open(this.database, clock);
    const settings = {
      maxsize: undefined,
      minfree: { bytes: 0 },
      quotas: [],
      pins: [],
      ttlMs: 0,
      ...this.#options.space,
    };
    const upstreams = [hub, ghcr];
    const names = new Routing(
      upstreams.map((name) => ({ name })),
      hub,
    );
    const space = composeSpace({ content, metadata, settings, upstreams, names, clock, logger });
    const parts = {
      space,
      names,
      content,
      metadata,
      limits: settings,
      quotas: settings.quotas,
      clock,
      logger,
    };
    const care = composeCare({
      ...parts,
      pullAheadCounter: new PullAheadCounter(),
      adopting: stored,
      scrubMs,
      server: { offline: () => false, maxRate: () => undefined, nextWarmAt: () => undefined },
    });
    this.#opened = { content, metadata, space, care, transfer: composeTransfer(parts) };
  }

  async #close(): Promise<void> {
    const { care, space, metadata, content } = this.#parts;
    this.#opened = undefined;
    await care.scrubber[Symbol.asyncDispose]();
    await space[Symbol.asyncDispose]();
    await metadata.close();
    await content.close();
  }
}

/** `library/hello` of Docker Hub, or `ghcr.io/owner/app`. */
export function repository(name: string): Repository {
  const isGhcr = name.startsWith(`${ghcr}/`);
  return {
    upstream: isGhcr ? ghcr : hub,
    name: (isGhcr ? name.slice(ghcr.length + 1) : name) as RepositoryName,
  };
}
