import { dirname, resolve } from 'node:path';
import Database from 'better-sqlite3';
import type { Clock } from '../../clock.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Manifest, ManifestContents, ReferrerDescriptor } from '../../oci/manifest.ts';
import type { Repository, RepositoryName, Tag, UpstreamName } from '../../oci/reference.ts';
import { fileError } from '../file-error.ts';
import { makeFolder } from '../folder.ts';
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
import { databaseError } from './error.ts';
import { Expiry } from './expiry.ts';
import { SqliteInventory } from './inventory.ts';
import { InventoryStatements } from './inventory-statements.ts';
import { Manifests } from './manifests.ts';
import { onDatabaseThread } from './recovery/database-thread.ts';
import { ReferrerLists } from './referrer-lists.ts';
import { migrate } from './schema.ts';
import { Statements } from './statements.ts';
import { UpstreamStates } from './upstream-states.ts';
import { UsageBatch } from './usage.ts';

/** Milliseconds to wait for another process's lock. SQLite waits on our only thread: everything else stands still. */
const busyTimeout = 500;

/**
 * Metadata in one SQLite file. The work is done synchronously, in short transactions; promises are how trouble is told.
 * Several processes may have the file open.
 */
export class SqliteMetadataStore implements MetadataStore {
  readonly inventory: Inventory;
  readonly #database: Database.Database;
  readonly #clock: Clock;
  readonly #statements: Statements;
  readonly #expiry: Expiry;
  readonly #manifests: Manifests;
  readonly #upstreams: UpstreamStates;
  readonly #referrers: ReferrerLists;
  readonly #usage: UsageBatch;

  private constructor(database: Database.Database, clock: Clock, onTrouble: (error: StoreError) => void) {
    this.#database = database;
    this.#clock = clock;
    this.#statements = new Statements(database);
    this.#expiry = new Expiry(database);
    this.#manifests = new Manifests(database);
    this.#upstreams = new UpstreamStates(database);
    this.#referrers = new ReferrerLists(database);
    const statements = new InventoryStatements(database);
    this.inventory = new SqliteInventory(
      (work) => this.#answer(() => work(statements)),
      clock,
      () => onDatabaseThread({ job: 'check', file: database.name }),
    );
    const write = (uses: ReadonlyMap<Digest, number>): void => {
      this.#transact(() => {
        this.#writeUses(uses);
      });
    };
    this.#usage = new UsageBatch(clock, write, (cause) => {
      onTrouble(databaseError(cause));
    });
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
    try {
      await makeFolder(dirname(resolve(file)));
    } catch (cause) {
      throw fileError('making the folder of the metadata database', cause);
    }
    let database: Database.Database | undefined;
    try {
      database = new Database(file, { timeout: busyTimeout });
      database.pragma('journal_mode = WAL');
      // In WAL mode only FULL makes a commit survive a loss of power.
      database.pragma('synchronous = FULL');
      database.pragma('foreign_keys = ON');
      database.pragma('temp_store = MEMORY');
      migrate(database);
      return new SqliteMetadataStore(database, clock, onTrouble);
    } catch (cause) {
      database?.close();
      throw databaseError(cause);
    }
  }

  manifest(repository: Repository, digest: Digest): Promise<Manifest | undefined> {
    return this.#answer(() => this.#manifests.get(repository, digest));
  }

  anyManifest(digest: Digest): Promise<Manifest | undefined> {
    return this.#answer(() => this.#manifests.any(digest));
  }

  putManifest(
    repository: Repository,
    manifest: Manifest,
    contents: ManifestContents,
    tag?: { readonly name: Tag; readonly checkedAt: number },
  ): Promise<void> {
    return this.#answer(() => {
      this.#transact(() => {
        const { digest } = manifest;
        const id = this.#repositoryId(repository);
        this.#manifests.put(manifest, contents, this.#clock.now());
        this.#statements.insertRepositoryManifest.run(id, digest);
        for (const blob of contents.blobs) {
          this.#statements.insertRepositoryBlob.run(id, blob.digest, blob.size);
        }
        if (tag !== undefined) {
          const { name, checkedAt } = tag;
          this.#statements.upsertTag.run({ ...repository, tag: name, digest, checkedAt });
        }
      });
    });
  }

  tag(repository: Repository, tag: Tag): Promise<TagRecord | undefined> {
    return this.#answer(() => this.#statements.tag.get({ ...repository, tag }));
  }

  putTag(repository: Repository, tag: Tag, record: TagRecord): Promise<boolean> {
    const { digest, checkedAt } = record;
    return this.#answer(
      () => this.#statements.upsertTag.run({ ...repository, tag, digest, checkedAt }).changes > 0,
    );
  }

  removeTag(repository: Repository, tag: Tag): Promise<boolean> {
    return this.#answer(() => this.#statements.deleteTag.run({ ...repository, tag }).changes > 0);
  }

  tags(repository: Repository): Promise<readonly Tag[]> {
    return this.#answer(() => this.#statements.tags.all(repository).map(({ name }) => name));
  }

  repositories(upstream: UpstreamName, page?: Page): Promise<readonly RepositoryName[]> {
    return this.#answer(() => this.#names(this.#statements.repositories, upstream, page));
  }

  referrers(repository: Repository, subject: Digest): Promise<ReferrersRecord | undefined> {
    return this.#answer(() => this.#referrers.get(repository, subject));
  }

  putReferrers(
    repository: Repository,
    subject: Digest,
    descriptors: readonly ReferrerDescriptor[],
    checkedAt: number,
  ): Promise<void> {
    return this.#answer(() => {
      this.#transact(() => {
        this.#referrers.put(this.#repositoryId(repository), subject, { descriptors, checkedAt });
      });
    });
  }

  manifestsOfSubject(repository: Repository, subject: Digest): Promise<readonly Manifest[]> {
    return this.#answer(() => this.#manifests.ofSubject(repository, subject));
  }

  publicSince(repository: Repository): Promise<number | undefined> {
    return this.#answer(() => this.#statements.publicAt.get(repository)?.public_at ?? undefined);
  }

  putPublic(repository: Repository, checkedAt: number | undefined): Promise<void> {
    return this.#answer(() => {
      this.#transact(() => {
        if (checkedAt !== undefined) this.#repositoryId(repository);
        this.#statements.setPublicAt.run({ ...repository, at: checkedAt ?? null });
      });
    });
  }

  publicRepositories(upstream: UpstreamName, page?: Page): Promise<readonly RepositoryName[]> {
    return this.#answer(() => this.#names(this.#statements.publicRepositories, upstream, page));
  }

  repositoryBlob(repository: Repository, digest: Digest): Promise<RepositoryBlob | undefined> {
    return this.#answer(() => {
      const row = this.#statements.repositoryBlob.get({ ...repository, digest });
      return row === undefined ? undefined : { size: row.size, confirmed: row.confirmed === 1 };
    });
  }

  isPublicBlob(digest: Digest, open: readonly UpstreamName[]): Promise<boolean> {
    return this.#answer(() => Boolean(this.#statements.publicBlob.get(digest, JSON.stringify(open))));
  }

  putRepositoryBlob(repository: Repository, digest: Digest, size: number): Promise<void> {
    return this.#answer(() => {
      this.#transact(() => {
        const id = this.#repositoryId(repository);
        this.#statements.confirmRepositoryBlob.run(id, digest, size, this.#clock.now());
      });
    });
  }

  blob(digest: Digest): Promise<number | undefined> {
    return this.#answer(() => this.#statements.blob.get(digest)?.size);
  }

  putBlob(digest: Digest, size: number): Promise<void> {
    return this.#answer(() => {
      this.#statements.upsertBlob.run({ digest, size, now: this.#clock.now() });
    });
  }

  removeBlob(digest: Digest): Promise<boolean> {
    return this.#answer(() => this.#statements.deleteBlob.run(digest).changes > 0);
  }

  touch(digests: readonly Digest[]): void {
    this.#usage.note(digests);
  }

  expire(before: number): Promise<readonly Digest[]> {
    return this.#answer(() => {
      this.#usage.flush();
      return this.#transact(() => this.#expiry.run(before));
    });
  }

  upstreamState(upstream: UpstreamName): Promise<UpstreamState | undefined> {
    return this.#answer(() => this.#upstreams.get(upstream));
  }

  putUpstreamState(upstream: UpstreamName, state: Partial<UpstreamState>): Promise<void> {
    return this.#answer(() => this.#upstreams.put(upstream, state));
  }

  guardedUpstreams(): Promise<readonly UpstreamName[]> {
    return this.#answer(() => this.#upstreams.guarded());
  }

  putGuarded(upstream: UpstreamName): Promise<void> {
    return this.#answer(() => this.#upstreams.guard(upstream));
  }

  check(): Promise<void> {
    return this.#answer(() => {
      this.#statements.check.run(this.#clock.now());
    });
  }

  close(): Promise<void> {
    return this.#answer(() => {
      if (!this.#database.open) return;
      this.#usage.close();
      try {
        this.#usage.flush();
      } finally {
        this.#database.close();
      }
    });
  }

  #answer<T>(work: () => T): Promise<T> {
    try {
      return Promise.resolve(work());
    } catch (cause) {
      return Promise.reject(databaseError(cause));
    }
  }

  /** Takes the write lock at once: a transaction that reads first and writes later may find itself outdated. */
  #transact<T>(work: () => T): T {
    return this.#database.transaction(work).immediate();
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

  #writeUses(uses: ReadonlyMap<Digest, number>): void {
    for (const [digest, at] of uses) {
      this.#manifests.touch(digest, at);
      this.#statements.touchBlob.run({ digest, at });
    }
  }
}
