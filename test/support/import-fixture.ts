import { mkdir } from 'node:fs/promises';
import type { ImportEvent, ImportReport } from '../../src/cache/care/schemas.ts';
import { RegistryImport, type RegistryImportDeps } from '../../src/cache/care/import/registry-import.ts';
import { InUse } from '../../src/cache/in-use.ts';
import type { Digest } from '../../src/oci/digest.ts';
import type { Repository, RepositoryName, Tag, UpstreamName } from '../../src/oci/reference.ts';
import { FilesystemContentStore } from '../../src/store/filesystem/content-store.ts';
import type { MetadataStore } from '../../src/store/metadata-store.ts';
import { SqliteMetadataStore } from '../../src/store/sqlite/metadata-store.ts';
import { makeImage } from './image.ts';
import { RegistryStore } from './registry-store.ts';
import { TempFolder } from './temp-folder.ts';
import { TestClock } from './test-clock.ts';

const hub = 'docker.io' as UpstreamName;
const ghcr = 'ghcr.io' as UpstreamName;

export interface ImportOutcome {
  readonly report: ImportReport;
  /** What was skipped and why, in alphabetical order. */
  readonly skipped: readonly string[];
}

interface Stores {
  readonly content: FilesystemContentStore;
  readonly metadata: MetadataStore;
}

/** An empty cache of Docker Hub and GHCR on real stores, and an empty folder of registry:2's beside it. */
export class ImportFixture implements AsyncDisposable {
  readonly clock: TestClock;
  readonly registry: RegistryStore;
  readonly content: FilesystemContentStore;
  readonly metadata: MetadataStore;
  readonly #folder: TempFolder;

  private constructor(folder: TempFolder, clock: TestClock, { content, metadata }: Stores) {
    this.#folder = folder;
    this.clock = clock;
    this.registry = new RegistryStore(folder.join('registry'));
    this.content = content;
    this.metadata = metadata;
  }

  static async open(): Promise<ImportFixture> {
    const folder = await TempFolder.create();
    const clock = new TestClock();
    const content = await FilesystemContentStore.open(folder.join('data'));
    const metadata = await SqliteMetadataStore.open(folder.join('data', 'metadata.sqlite'), clock);
    const fixture = new ImportFixture(folder, clock, { content, metadata });
    await mkdir(fixture.registry.path('repositories'), { recursive: true });
    return fixture;
  }

  /** An absolute path beside the registry's folder and the cache's, which is `data`. */
  path(name: string): string {
    return this.#folder.join(name);
  }

  /** What an import tells, in order. */
  events(
    options: Partial<RegistryImportDeps> = {},
    upstream: string | null = null,
    folder = this.registry.root,
  ): AsyncIterable<ImportEvent> {
    const { content, metadata, clock } = this;
    return new RegistryImport({
      content,
      metadata,
      inUse: new InUse(),
      upstreams: [hub, ghcr],
      plain: hub,
      maxsize: undefined,
      minfree: { bytes: 0 },
      quotas: [],
      clock,
      ...options,
    }).run({ folder, upstream });
  }

  /** Imports to the end. */
  async import(...how: Parameters<ImportFixture['events']>): Promise<ImportOutcome> {
    const events: ImportEvent[] = [];
    for await (const event of this.events(...how)) events.push(event);
    const last = events.at(-1);
    if (last?.type !== 'report') throw new Error('the last event is no report');
    const skipped = events.flatMap((event) =>
      event.type === 'skipped' ? `${event.what} ${event.reason}` : [],
    );
    return { report: last.report, skipped: skipped.toSorted() };
  }

  async digestOfTag(name: string, tag: string, upstream?: 'ghcr.io'): Promise<Digest | undefined> {
    return (await this.metadata.tag(repository(name, upstream), tag as Tag))?.digest;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.metadata.close();
    await this.content.close();
    await this.#folder.remove();
  }
}

const whole = makeImage({ layers: 1, seed: 99 });

/** A fixture with one tag of which nothing is damaged, `library/app:good`. */
export async function fixtureWithAnImage(): Promise<ImportFixture> {
  const fixture = await ImportFixture.open();
  await fixture.registry.putManifest('library/app', 'good', whole);
  return fixture;
}

/** What an import skips, and why, once it is sure that it took over what is whole. */
export async function skippedBy(
  fixture: ImportFixture,
  ...how: Parameters<ImportFixture['import']>
): Promise<readonly string[]> {
  const { skipped, report } = await fixture.import(...how);
  if (report.skipped !== skipped.length) throw new Error('the report counts other than what was told');
  const found = await fixture.digestOfTag(
    'library/app',
    'good',
    how[1] === 'ghcr.io' ? 'ghcr.io' : undefined,
  );
  if (found !== whole.digest) throw new Error('what is whole was not taken over');
  return skipped;
}

/** A repository of Docker Hub, or of GHCR. */
export function repository(name: string, upstream?: 'ghcr.io'): Repository {
  return { upstream: upstream === undefined ? hub : ghcr, name: name as RepositoryName };
}

/** An object with some of its methods replaced. */
export function withMethods<T extends object>(object: T, methods: Partial<T>): T {
  return new Proxy(object, {
    get(target, key): unknown {
      if (key in methods) return methods[key as keyof T];
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
