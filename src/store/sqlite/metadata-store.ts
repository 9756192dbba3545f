import type { Clock } from '../../base/clock.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Manifest, ManifestContents, ReferrerDescriptor } from '../../oci/manifest.ts';
import type { Repository, RepositoryName, Tag, UpstreamName } from '../../oci/reference.ts';
import type { Audit } from '../audit.ts';
import type { Evictions } from '../evictions.ts';
import type {
  MetadataStore,
  Page,
  ReferrersRecord,
  RepositoryBlob,
  TagRecord,
  UpstreamState,
} from '../metadata-store.ts';
import type { Inventory } from '../inventory.ts';
import type { StoreError } from '../store-error.ts';
import { AbsentTags } from './absent-tags.ts';
import { SqliteAudit } from './audit.ts';
import { Connection } from './connection.ts';
import { databaseError } from './error.ts';
import { Condemned } from './eviction/condemned.ts';
import { SqliteEvictions } from './eviction/evictions.ts';
import { SqliteInventory } from './inventory.ts';
import { Manifests } from './manifests.ts';
import { Positions } from './positions.ts';
import { ReferrerLists } from './referrer-lists.ts';
import { Statements } from './statements.ts';
import { UpstreamStates } from './upstream-states.ts';
import { LastUsedBatch, type LastUse } from './last-used.ts';
import { LastUsedWriter } from './last-used-writer.ts';

/**
 * Metadata in one SQLite file. The work is done synchronously, in short transactions; promises are how trouble is told.
 * Several processes may have the file open.
 */
export class SqliteMetadataStore implements MetadataStore {
  readonly inventory: Inventory;
  readonly evictions: Evictions;
  readonly audit: Audit;
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #statements: Statements;
  readonly #manifests: Manifests;
  readonly #upstreams: UpstreamStates;
  readonly #referrers: ReferrerLists;
  readonly #absentTags: AbsentTags;
  readonly #condemned: Condemned;
  readonly #positions: Positions;
  readonly #usage: LastUsedBatch;

  private constructor(connection: Connection, clock: Clock, onTrouble: (error: StoreError) => void) {
    const { database } = connection;
    this.#connection = connection;
    this.#clock = clock;
    this.#statements = new Statements(database);
    this.#manifests = new Manifests(database);
    this.#upstreams = new UpstreamStates(database);
    this.#referrers = new ReferrerLists(database);
    this.#absentTags = new AbsentTags(database);
    this.#condemned = new Condemned(database);
    this.#positions = new Positions(database, clock);
    const uses = new LastUsedWriter(database, this.#positions, clock);
    this.#usage = new LastUsedBatch(
      clock,
      this.#positions,
      (noted) => connection.transactLazily(() => uses.write(noted)),
      (cause) => {
        onTrouble(databaseError(cause));
      },
    );
    this.evictions = new SqliteEvictions(connection, clock, this.#positions, this.#usage);
    this.inventory = new SqliteInventory(connection, clock);
    this.audit = new SqliteAudit(connection);
  }

  /**
   * Opens the database in `file`, makes it when there is none, and brings its schema up to date.
   * @param onTrouble is told of failures in what nobody waits for: writing down when content was used
   * @throws {StoreError} `NEWER_SCHEMA` when a newer version of Entrepot wrote it
   */
  static async open(
    file: string,
    clock: Clock,
    onTrouble: (error: StoreError) => void = () => undefined,
  ): Promise<SqliteMetadataStore> {
    const connection = await Connection.open(file, clock);
    try {
      return new SqliteMetadataStore(connection, clock, onTrouble);
    } catch (cause) {
      connection.database.close();
      throw databaseError(cause);
    }
  }

  manifest(repository: Repository, digest: Digest): Promise<Manifest | undefined> {
    return this.#connection.answer(() => this.#manifests.get(repository, digest));
  }

  anyManifest(digest: Digest): Promise<Manifest | undefined> {
    return this.#connection.answer(() => this.#manifests.any(digest));
  }

  indexesOf(repository: Repository, child: Digest): Promise<readonly Manifest[]> {
    return this.#connection.answer(() => this.#manifests.indexesOf(repository, child));
  }

  putManifest(
    repository: Repository,
    manifest: Manifest,
    contents: ManifestContents,
    tag?: { readonly name: Tag; readonly checkedAt: number },
  ): Promise<void> {
    return this.#connection.write(() => {
      const { digest } = manifest;
      const id = this.#repositoryId(repository);
      this.#manifests.put(manifest, contents, this.#use(digest));
      if (this.#statements.insertRepositoryManifest.run(id, digest).changes > 0) {
        const sizes = new Map(contents.blobs.map((blob) => [blob.digest, blob.size]));
        for (const [blob, size] of sizes) this.#statements.claimRepositoryBlob.run(id, blob, size);
      }
      if (tag !== undefined) {
        const { name, checkedAt } = tag;
        this.#statements.upsertTag.run({ ...repository, tag: name, digest, checkedAt });
      }
    });
  }

  tag(repository: Repository, tag: Tag): Promise<TagRecord | undefined> {
    return this.#connection.answer(() => this.#statements.tag.get({ ...repository, tag }));
  }

  putTag(repository: Repository, tag: Tag, record: TagRecord): Promise<boolean> {
    const { digest, checkedAt } = record;
    return this.#connection.write(
      () => this.#statements.upsertTag.run({ ...repository, tag, digest, checkedAt }).changes > 0,
    );
  }

  removeTag(repository: Repository, tag: Tag): Promise<boolean> {
    return this.#connection.write(() => this.#statements.deleteTag.run({ ...repository, tag }).changes > 0);
  }

  absentSince(repository: Repository, tag: Tag): Promise<number | undefined> {
    return this.#connection.answer(() => this.#absentTags.since(repository, tag));
  }

  putAbsent(repository: Repository, tag: Tag, checkedAt: number): Promise<boolean> {
    return this.#connection.write(() => this.#absentTags.put(repository, tag, checkedAt));
  }

  tags(repository: Repository): Promise<readonly Tag[]> {
    return this.#connection.answer(() => this.#statements.tags.all(repository).map(({ name }) => name));
  }

  repositories(upstream: UpstreamName, page?: Page): Promise<readonly RepositoryName[]> {
    return this.#connection.answer(() => this.#names(this.#statements.repositories, upstream, page));
  }

  referrers(repository: Repository, subject: Digest): Promise<ReferrersRecord | undefined> {
    return this.#connection.answer(() => this.#referrers.get(repository, subject));
  }

  putReferrers(
    repository: Repository,
    subject: Digest,
    descriptors: readonly ReferrerDescriptor[],
    checkedAt: number,
  ): Promise<void> {
    return this.#connection.write(() => {
      this.#referrers.put(this.#repositoryId(repository), subject, { descriptors, checkedAt });
    });
  }

  manifestsOfSubject(repository: Repository, subject: Digest): Promise<readonly Manifest[]> {
    return this.#connection.answer(() => this.#manifests.ofSubject(repository, subject));
  }

  publicSince(repository: Repository): Promise<number | undefined> {
    return this.#connection.answer(() => this.#statements.publicAt.get(repository)?.public_at ?? undefined);
  }

  putPublic(repository: Repository, checkedAt: number | undefined): Promise<void> {
    return this.#connection.write(() => {
      if (checkedAt !== undefined) this.#repositoryId(repository);
      this.#statements.setPublicAt.run({ ...repository, at: checkedAt ?? null });
    });
  }

  publicRepositories(upstream: UpstreamName, page?: Page): Promise<readonly RepositoryName[]> {
    return this.#connection.answer(() => this.#names(this.#statements.publicRepositories, upstream, page));
  }

  repositoryBlob(repository: Repository, digest: Digest): Promise<RepositoryBlob | undefined> {
    return this.#connection.answer(() => {
      const row = this.#statements.repositoryBlob.get({ ...repository, digest });
      if (row === undefined) return undefined;
      const { size, verified } = row;
      const confirmed = row.confirmed === 1;
      return { size: verified ?? size, measured: verified !== null || confirmed, confirmed };
    });
  }

  isPublicBlob(digest: Digest, open: readonly UpstreamName[]): Promise<boolean> {
    return this.#connection.answer(() =>
      Boolean(this.#statements.publicBlob.get(digest, JSON.stringify(open))),
    );
  }

  putRepositoryBlob(repository: Repository, digest: Digest, size: number): Promise<void> {
    return this.#connection.write(() => {
      const id = this.#repositoryId(repository);
      this.#statements.confirmRepositoryBlob.run(id, digest, size, this.#clock.now());
    });
  }

  blob(digest: Digest): Promise<number | undefined> {
    return this.#connection.answer(() => this.#statements.blob.get(digest)?.size);
  }

  putBlob(digest: Digest, size: number): Promise<void> {
    return this.#connection.write(() => {
      // Its bytes were hashed as they came.
      this.#statements.upsertBlob.run({ digest, size, ...this.#use(digest), verifiedAt: this.#clock.now() });
      this.#statements.resizeRepositoryBlobs.run({ digest, size });
      this.#condemned.forget(digest);
    });
  }

  adoptBlob(digest: Digest, size: number): Promise<boolean> {
    return this.#connection.write(() => {
      if (this.#condemned.has(digest)) return false;
      if (this.#statements.resizeBlob.run(size, digest).changes === 0) {
        this.#statements.upsertBlob.run({ digest, size, ...this.#use(digest), verifiedAt: null });
      }
      return true;
    });
  }

  removeBlob(digest: Digest): Promise<boolean> {
    return this.#connection.write(() => this.#statements.deleteBlob.run(digest).changes > 0);
  }

  touch(digests: readonly Digest[]): void {
    this.#usage.note(digests);
  }

  upstreamState(upstream: UpstreamName): Promise<UpstreamState | undefined> {
    return this.#connection.answer(() => this.#upstreams.get(upstream));
  }

  putUpstreamState(upstream: UpstreamName, state: Partial<UpstreamState>): Promise<void> {
    return this.#connection.write(() => this.#upstreams.put(upstream, state));
  }

  guardedUpstreams(): Promise<readonly UpstreamName[]> {
    return this.#connection.answer(() => this.#upstreams.guarded());
  }

  putGuarded(upstream: UpstreamName): Promise<void> {
    return this.#connection.write(() => this.#upstreams.guard(upstream));
  }

  check(): Promise<void> {
    return this.#connection.write(() => {
      this.#statements.check.run(this.#clock.now());
    });
  }

  async close(): Promise<void> {
    if (!this.#connection.database.open) return;
    this.#usage.close();
    await this.#connection.close();
  }

  #names(
    statement: Statements['repositories'],
    upstream: UpstreamName,
    { last = '', limit = -1 }: Page = {},
  ): readonly RepositoryName[] {
    return statement.all({ upstream, last, limit }).map(({ name }) => name);
  }

  #repositoryId(repository: Repository): number {
    const { upstream, name } = repository;
    const row =
      this.#statements.findRepository.get({ upstream, name }) ??
      this.#statements.insertRepository.get({ upstream, name });
    if (row === undefined) throw new TypeError('INSERT … RETURNING gave no row');
    return row.id;
  }

  /** A use that is to be written down at once, in place of any that is not yet. */
  #use(digest: Digest): LastUse {
    this.#usage.supersede(digest);
    const use = { at: this.#clock.now(), position: this.#positions.next() };
    this.#positions.save();
    return use;
  }
}
