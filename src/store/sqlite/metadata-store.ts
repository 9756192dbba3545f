import { dirname, resolve } from 'node:path';
import Database from 'better-sqlite3';
import type { Clock } from '../../clock.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Manifest, ManifestContents, ReferrerDescriptor } from '../../oci/manifest.ts';
import type { Repository, RepositoryName, Tag, UpstreamName } from '../../oci/reference.ts';
import { fileError } from '../file-error.ts';
import { makeFolder } from '../folder.ts';
import type { MetadataStore, Page, ReferrersRecord, TagRecord, UpstreamState } from '../metadata-store.ts';
import type { StoreError } from '../store-error.ts';
import { databaseError } from './error.ts';
import { Expiry } from './expiry.ts';
import { migrate } from './schema.ts';
import { Statements } from './statements.ts';
import { UsageBatch } from './usage.ts';

/** Milliseconds to wait for another process's lock. SQLite waits on our only thread: everything else stands still. */
const busyTimeout = 500;

/**
 * Metadata in one SQLite file. The work is done synchronously, in short transactions; promises are how trouble is told.
 * Several processes may have the file open.
 */
export class SqliteMetadataStore implements MetadataStore {
  readonly #database: Database.Database;
  readonly #clock: Clock;
  readonly #statements: Statements;
  readonly #expiry: Expiry;
  readonly #usage: UsageBatch;

  private constructor(database: Database.Database, clock: Clock, onTrouble: (error: StoreError) => void) {
    this.#database = database;
    this.#clock = clock;
    this.#statements = new Statements(database);
    this.#expiry = new Expiry(database);
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
    return this.#answer(() => {
      const row = this.#statements.manifest.get({ ...repository, digest });
      return row === undefined ? undefined : storedManifest(digest, row);
    });
  }

  anyManifest(digest: Digest): Promise<Manifest | undefined> {
    return this.#answer(() => {
      const row = this.#statements.anyManifest.get(digest);
      return row === undefined ? undefined : storedManifest(digest, row);
    });
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
        this.#insertManifest(manifest, contents);
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

  repositories(upstream: UpstreamName, page: Page = {}): Promise<readonly RepositoryName[]> {
    const { last = '', limit = -1 } = page;
    return this.#answer(() =>
      this.#statements.repositories.all({ upstream, last, limit }).map(({ name }) => name),
    );
  }

  referrers(repository: Repository, subject: Digest): Promise<ReferrersRecord | undefined> {
    return this.#answer(() => {
      const row = this.#statements.referrers.get({ ...repository, subject });
      if (row === undefined) return undefined;
      // Nothing but putReferrers writes the column.
      const descriptors = JSON.parse(row.descriptors) as readonly ReferrerDescriptor[];
      return { descriptors, checkedAt: row.checkedAt };
    });
  }

  putReferrers(
    repository: Repository,
    subject: Digest,
    descriptors: readonly ReferrerDescriptor[],
    checkedAt: number,
  ): Promise<void> {
    return this.#answer(() => {
      this.#transact(() => {
        const id = this.#repositoryId(repository);
        this.#statements.upsertReferrers.run(id, subject, checkedAt, JSON.stringify(descriptors));
      });
    });
  }

  manifestsOfSubject(repository: Repository, subject: Digest): Promise<readonly Manifest[]> {
    return this.#answer(() =>
      this.#statements.manifestsOfSubject
        .all({ ...repository, subject })
        .map((row) => storedManifest(row.digest, row)),
    );
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

  publicRepositories(upstream: UpstreamName, page: Page = {}): Promise<readonly RepositoryName[]> {
    const { last = '', limit = -1 } = page;
    return this.#answer(() =>
      this.#statements.publicRepositories.all({ upstream, last, limit }).map(({ name }) => name),
    );
  }

  repositoryBlob(repository: Repository, digest: Digest): Promise<number | undefined> {
    return this.#answer(() => this.#statements.repositoryBlob.get({ ...repository, digest })?.size);
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
    return this.#answer(() => {
      const row = this.#statements.upstreamState.get(upstream);
      if (row === undefined) return undefined;
      return {
        failures: row.failures,
        retryAt: row.retry_at,
        limit: row.pull_limit ?? undefined,
        remaining: row.pulls_remaining ?? undefined,
        window: row.window_seconds ?? undefined,
      };
    });
  }

  putUpstreamState(upstream: UpstreamName, state: Partial<UpstreamState>): Promise<void> {
    return this.#answer(() => {
      this.#statements.upsertUpstreamState.run({
        upstream,
        failures: state.failures ?? null,
        retry_at: state.retryAt ?? null,
        pull_limit: state.limit ?? null,
        pulls_remaining: state.remaining ?? null,
        window_seconds: state.window ?? null,
      });
    });
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

  #repositoryId(repository: Repository): number {
    const { upstream, name } = repository;
    const row =
      this.#statements.findRepository.get({ upstream, name }) ??
      this.#statements.insertRepository.get({ upstream, name });
    if (row === undefined) throw new TypeError('INSERT … RETURNING gave no row');
    return row.id;
  }

  #insertManifest(manifest: Manifest, contents: ManifestContents): void {
    const { digest, mediaType, bytes } = manifest;
    const { subject = null, artifactType = null } = contents;
    const now = this.#clock.now();
    const { changes } = this.#statements.insertManifest.run({
      digest,
      mediaType,
      subject,
      artifactType,
      now,
      bytes,
    });
    if (changes === 0) {
      this.#statements.touchManifest.run({ digest, at: now });
      return;
    }
    for (const child of contents.children) this.#statements.insertChild.run(digest, child.digest);
    for (const blob of contents.blobs) this.#statements.insertManifestBlob.run(digest, blob.digest);
  }

  #writeUses(uses: ReadonlyMap<Digest, number>): void {
    for (const [digest, at] of uses) {
      this.#statements.touchManifest.run({ digest, at });
      this.#statements.touchBlob.run({ digest, at });
    }
  }
}

function storedManifest(
  digest: Digest,
  row: { readonly media_type: string; readonly bytes: Buffer },
): Manifest {
  return { mediaType: row.media_type, digest, size: row.bytes.length, bytes: row.bytes };
}
