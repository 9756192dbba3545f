import type { Clock } from '../../base/clock.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Manifest, ManifestContents, ReferrerDescriptor } from '../../oci/manifest.ts';
import type { Repository, RepositoryName, Tag, UpstreamName } from '../../oci/reference.ts';
import type { Audit } from '../audit.ts';
import type { Evictions } from '../evictions.ts';
import type { Inventory } from '../inventory.ts';
import type {
  MetadataStore,
  Page,
  PutOutcome,
  ReferrersRecord,
  RepositoryBlob,
  TagRecord,
  TagToPut,
  UpstreamState,
  WholeImage,
} from '../metadata-store.ts';
import type { StoreError } from '../store-error.ts';
import { SqliteAudit } from './audit.ts';
import { SqliteEvictions } from './eviction/evictions.ts';
import { SqliteInventory } from './inventory.ts';
import { MetadataDatabase } from './metadata-database.ts';
import { OpenDatabase } from './open-database.ts';
import type { Statements } from './statements.ts';

/** Metadata in one SQLite file, which several processes may have open. */
export class SqliteMetadataStore implements MetadataStore {
  readonly inventory: Inventory;
  readonly evictions: Evictions;
  readonly audit: Audit;
  readonly #database: MetadataDatabase;
  readonly #clock: Clock;
  readonly #close: () => Promise<void>;

  constructor(database: MetadataDatabase, clock: Clock, close = () => database.close()) {
    this.#database = database;
    this.#clock = clock;
    this.#close = close;
    this.evictions = new SqliteEvictions(database);
    this.inventory = new SqliteInventory(database, clock);
    this.audit = new SqliteAudit(database);
  }

  /** A store without backups and recovery. Parameters and errors are those of {@link OpenDatabase.open}. */
  static async open(
    file: string,
    clock: Clock,
    onTrouble?: (error: StoreError) => void,
  ): Promise<SqliteMetadataStore> {
    const database = new MetadataDatabase();
    database.use(await OpenDatabase.open(file, clock, onTrouble));
    return new SqliteMetadataStore(database, clock);
  }

  manifest(repository: Repository, digest: Digest): Promise<Manifest | undefined> {
    return this.#database.read(({ manifests }) => manifests.get(repository, digest));
  }

  anyManifest(digest: Digest): Promise<Manifest | undefined> {
    return this.#database.read(({ manifests }) => manifests.any(digest));
  }

  indexesOf(repository: Repository, child: Digest): Promise<readonly Manifest[]> {
    return this.#database.read(({ manifests }) => manifests.indexesOf(repository, child));
  }

  putManifest(
    repository: Repository,
    manifest: Manifest,
    contents: ManifestContents,
    tag?: { readonly name: Tag; readonly checkedAt: number },
  ): Promise<void> {
    return this.#database.write((database) => {
      const { digest } = manifest;
      putManifest(database, database.statements.repositoryId(repository), manifest, contents);
      if (tag !== undefined) {
        const { name, checkedAt } = tag;
        database.statements.upsertTag.run({ ...repository, tag: name, digest, checkedAt });
      }
    });
  }

  putImage(repository: Repository, image: WholeImage): Promise<PutOutcome> {
    return this.#database.write((database) => {
      const { statements, inventory } = database;
      const { manifests, tag, confirmed, pin } = image;
      const named = new Set(manifests.flatMap(({ contents }) => contents.blobs.map(({ digest }) => digest)));
      const missing = [...named].filter((digest) => statements.blob.get(digest) === undefined);
      const tagBefore = tag && statements.tag.get({ ...repository, tag: tag.name });
      if (missing.length > 0) return { missing, tagBefore, tagNow: tagBefore };
      const now = this.#clock.now();
      const id = statements.repositoryId(repository);
      for (const { manifest, contents } of manifests) putManifest(database, id, manifest, contents);
      for (const { digest, size } of confirmed) statements.confirmRepositoryBlob.run(id, digest, size, now);
      const tagNow = tag && pointed(tagBefore, tag);
      if (tag !== undefined && tagNow !== undefined) {
        statements.upsertTag.run({ ...repository, tag: tag.name, ...tagNow });
      }
      if (pin !== undefined) inventory.insertPin.run(pin, now);
      return { missing, tagBefore, tagNow };
    });
  }

  tag(repository: Repository, tag: Tag): Promise<TagRecord | undefined> {
    return this.#database.read(({ statements }) => statements.tag.get({ ...repository, tag }));
  }

  putTag(repository: Repository, tag: Tag, record: TagRecord): Promise<boolean> {
    const { digest, checkedAt } = record;
    return this.#database.write(
      ({ statements }) => statements.upsertTag.run({ ...repository, tag, digest, checkedAt }).changes > 0,
    );
  }

  removeTag(repository: Repository, tag: Tag): Promise<boolean> {
    return this.#database.write(
      ({ statements }) => statements.deleteTag.run({ ...repository, tag }).changes > 0,
    );
  }

  absentSince(repository: Repository, tag: Tag): Promise<number | undefined> {
    return this.#database.read(({ absentTags }) => absentTags.since(repository, tag));
  }

  putAbsent(repository: Repository, tag: Tag, checkedAt: number): Promise<boolean> {
    return this.#database.write(({ absentTags }) => absentTags.put(repository, tag, checkedAt));
  }

  tags(repository: Repository): Promise<readonly Tag[]> {
    return this.#database.read(({ statements }) => statements.tags.all(repository).map(({ name }) => name));
  }

  repositories(upstream: UpstreamName, page?: Page): Promise<readonly RepositoryName[]> {
    return this.#database.read(({ statements }) => names(statements.repositories, upstream, page));
  }

  referrers(repository: Repository, subject: Digest): Promise<ReferrersRecord | undefined> {
    return this.#database.read(({ referrers }) => referrers.get(repository, subject));
  }

  putReferrers(
    repository: Repository,
    subject: Digest,
    descriptors: readonly ReferrerDescriptor[],
    checkedAt: number,
  ): Promise<void> {
    return this.#database.write(({ referrers, statements }) =>
      referrers.put(statements.repositoryId(repository), subject, { descriptors, checkedAt }),
    );
  }

  manifestsOfSubject(repository: Repository, subject: Digest): Promise<readonly Manifest[]> {
    return this.#database.read(({ manifests }) => manifests.ofSubject(repository, subject));
  }

  publicSince(repository: Repository): Promise<number | undefined> {
    return this.#database.read(
      ({ statements }) => statements.publicAt.get(repository)?.public_at ?? undefined,
    );
  }

  putPublic(repository: Repository, checkedAt: number | undefined): Promise<void> {
    return this.#database.write(({ statements }) => {
      if (checkedAt !== undefined) statements.repositoryId(repository);
      statements.setPublicAt.run({ ...repository, at: checkedAt ?? null });
    });
  }

  publicRepositories(upstream: UpstreamName, page?: Page): Promise<readonly RepositoryName[]> {
    return this.#database.read(({ statements }) => names(statements.publicRepositories, upstream, page));
  }

  repositoryBlob(repository: Repository, digest: Digest): Promise<RepositoryBlob | undefined> {
    return this.#database.read(({ statements }) => {
      const row = statements.repositoryBlob.get({ ...repository, digest });
      if (row === undefined) return undefined;
      const { size, verified } = row;
      const confirmed = row.confirmed === 1;
      return { size: verified ?? size, measured: verified !== null || confirmed, confirmed };
    });
  }

  isPublicBlob(digest: Digest, open: readonly UpstreamName[]): Promise<boolean> {
    return this.#database.read(({ statements }) =>
      Boolean(statements.publicBlob.get(digest, JSON.stringify(open))),
    );
  }

  putRepositoryBlob(repository: Repository, digest: Digest, size: number): Promise<void> {
    return this.#database.write(({ statements }) => {
      const id = statements.repositoryId(repository);
      statements.confirmRepositoryBlob.run(id, digest, size, this.#clock.now());
    });
  }

  blob(digest: Digest): Promise<number | undefined> {
    return this.#database.read(({ statements }) => statements.blob.get(digest)?.size);
  }

  putBlob(digest: Digest, size: number): Promise<void> {
    return this.#database.write(({ eviction, lastUsed, statements }) => {
      // Its bytes were hashed as they came.
      const verifiedAt = this.#clock.now();
      statements.upsertBlob.run({ digest, size, ...lastUsed.useNow(digest), verifiedAt });
      statements.resizeRepositoryBlobs.run({ digest, size });
      eviction.condemned.remove.run(digest);
    });
  }

  adoptBlob(digest: Digest, size: number): Promise<boolean> {
    return this.#database.write(({ eviction, lastUsed, statements }) => {
      if (eviction.condemned.find.get(digest) !== undefined) return false;
      if (statements.resizeBlob.run(size, digest).changes === 0) {
        statements.upsertBlob.run({ digest, size, ...lastUsed.useNow(digest), verifiedAt: null });
      }
      return true;
    });
  }

  removeBlob(digest: Digest): Promise<boolean> {
    return this.#database.write(({ statements }) => statements.deleteBlob.run(digest).changes > 0);
  }

  touch(digests: readonly Digest[]): void {
    this.#database.current?.lastUsed.note(digests);
  }

  upstreamState(upstream: UpstreamName): Promise<UpstreamState | undefined> {
    return this.#database.read(({ upstreams }) => upstreams.get(upstream));
  }

  putUpstreamState(upstream: UpstreamName, state: Partial<UpstreamState>): Promise<void> {
    return this.#database.write(({ upstreams }) => upstreams.put(upstream, state));
  }

  async guardedUpstreams(): Promise<readonly UpstreamName[]> {
    const names = await this.#database.read(({ upstreams }) => upstreams.guarded());
    for (const name of names) this.#database.guarded.add(name);
    return names;
  }

  putGuarded(upstream: UpstreamName): Promise<void> {
    this.#database.guarded.add(upstream);
    return this.#database.write(({ upstreams }) => upstreams.guard(upstream));
  }

  check(): Promise<void> {
    return this.#database.write(({ statements }) => {
      statements.check.run(this.#clock.now());
    });
  }

  close(): Promise<void> {
    return this.#close();
  }
}

/** What a tag points to once another record of it has arrived. */
function pointed(before: TagRecord | undefined, { digest, checkedAt, replaces }: TagToPut): TagRecord {
  if (before === undefined) return { digest, checkedAt };
  if (before.digest === digest) return { digest, checkedAt: Math.max(before.checkedAt, checkedAt) };
  return before.checkedAt > 0 && !replaces ? before : { digest, checkedAt };
}

/** Inside a transaction. */
function putManifest(
  { lastUsed, manifests, statements }: OpenDatabase,
  repository: number,
  manifest: Manifest,
  contents: ManifestContents,
): void {
  const { digest } = manifest;
  manifests.put(manifest, contents, lastUsed.useNow(digest));
  if (statements.insertRepositoryManifest.run(repository, digest).changes === 0) return;
  const sizes = new Map(contents.blobs.map((blob) => [blob.digest, blob.size]));
  for (const [blob, size] of sizes) statements.claimRepositoryBlob.run(repository, blob, size);
}

function names(
  statement: Statements['repositories'],
  upstream: UpstreamName,
  { last = '', limit = -1 }: Page = {},
): readonly RepositoryName[] {
  return statement.all({ upstream, last, limit }).map(({ name }) => name);
}
