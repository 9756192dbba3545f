import type Database from 'better-sqlite3';
import type { Digest } from '../../../oci/digest.ts';
import type { Repository, Tag } from '../../../oci/reference.ts';
import type { EvictedImage, Eviction, Retention, Scope } from '../../evictions.ts';
import type { Accounts } from './accounts.ts';
import type { Condemned } from './condemned.ts';
import type { EvictionDeps } from './deps.ts';
import { Images } from './images.ts';
import type { ImageName, StoredRepository, Repositories } from './repositories.ts';
import { StoredQueue } from './stored-queue.ts';

interface Held {
  readonly repository: number;
  readonly manifest: Digest;
}

interface RemovableImage {
  readonly root: Digest;
  /** All manifests that go, the root included. */
  readonly members: readonly Digest[];
  /** Milliseconds since the epoch. */
  readonly lastUsedAt: number;
  readonly imageName: ImageName;
}

interface RemovalTerms {
  /** The repositories to take an image from; all, without one. */
  readonly scope?: Scope | undefined;
  /** Whose bytes count as freed; those of the whole store, without one. */
  readonly account?: Scope | undefined;
  readonly retention: Retention;
}

/** An eviction while it is being done. */
export class EvictionRecord implements Eviction {
  readonly images: EvictedImage[] = [];
  readonly manifests: { readonly repository: Repository; readonly digest: Digest }[] = [];
  readonly tags: { readonly repository: Repository; readonly tag: Tag }[] = [];
  readonly rights: { readonly repository: Repository; readonly digest: Digest }[] = [];
  readonly blobs: Digest[] = [];
  bytes = 0;
  done = false;
}

/**
 * Removes manifests from repositories and blobs from the store. To be run inside a transaction.
 *
 * A right to read a blob goes with the last manifest of the repository that names it, unless upstream
 * confirmed it: see `Tidying`.
 */
export class Removal {
  readonly #repositories: Repositories;
  /** Of all repositories. */
  readonly #images: Images;
  readonly #accounts: Accounts;
  readonly #condemned: Condemned;
  readonly #sql;

  constructor(database: Database.Database, deps: EvictionDeps, accounts: Accounts, condemned: Condemned) {
    this.#repositories = deps.repositories;
    this.#images = new Images(deps.graph, new StoredQueue(deps, undefined));
    this.#accounts = accounts;
    this.#condemned = condemned;
    const named = `repository = @repository AND digest IN (SELECT blob FROM manifest_blob WHERE manifest = @manifest)`;
    this.#sql = {
      // Most rights rest on one manifest: they are deleted at once rather than updated first.
      forgetRights: database
        .prepare<[Held], Digest>(
          `DELETE FROM repository_blob WHERE ${named} AND +manifests = 1 AND confirmed_at IS NULL RETURNING digest`,
        )
        .pluck(),
      unname: database.prepare<[Held]>(`UPDATE repository_blob SET manifests = manifests - 1 WHERE ${named}`),
      deletePair: database.prepare<[Held]>(
        `DELETE FROM repository_manifest WHERE repository = @repository AND digest = @manifest`,
      ),
      deleteManifest: database.prepare<[Digest]>(`DELETE FROM manifest WHERE digest = ?`),
      deleteBlob: database.prepare<[Digest]>(`DELETE FROM blob WHERE digest = ?`),
    };
  }

  /** Removes an image from the repositories of a scope, and the blobs that only it names from the store. */
  image(image: RemovableImage, { scope, account, retention }: RemovalTerms, record: EvictionRecord): void {
    const held = this.#accounts.bytes(account);
    this.#manifests(image.members, scope, record, retention);
    const bytes = held - this.#accounts.bytes(account);
    const { repository, tags } = image.imageName;
    record.bytes += bytes;
    record.images.push({ repository, digest: image.root, tags, bytes, lastUsedAt: image.lastUsedAt });
  }

  /** Takes a blob that no held manifest names out of the store. */
  blob(digest: Digest, record: EvictionRecord): void {
    const held = this.#accounts.bytes(undefined);
    this.#condemn(digest, record);
    record.bytes += held - this.#accounts.bytes(undefined);
  }

  #manifests(
    manifests: readonly Digest[],
    scope: Scope | undefined,
    record: EvictionRecord,
    retention: Retention,
  ): void {
    const repositories = this.#repositories;
    const gone = manifests.filter(
      (each) => repositories.of(each).length === repositories.of(each, scope).length,
    );
    // Before the manifests: else each would be marked as one that no manifest names first.
    for (const blob of this.#images.blobsOfOnly(gone))
      if (!retention.isInUse(blob)) this.#condemn(blob, record);
    for (const manifest of manifests) {
      for (const stored of repositories.of(manifest, scope)) this.#takeOut(stored, manifest, record);
    }
    for (const manifest of gone) this.#sql.deleteManifest.run(manifest);
  }

  #takeOut(stored: StoredRepository, manifest: Digest, record: EvictionRecord): void {
    const { id, repository } = stored;
    for (const tag of this.#repositories.tags(stored, manifest)) record.tags.push({ repository, tag });
    const held: Held = { repository: id, manifest };
    for (const digest of this.#sql.forgetRights.all(held)) record.rights.push({ repository, digest });
    this.#sql.unname.run(held);
    this.#sql.deletePair.run(held);
    record.manifests.push({ repository, digest: manifest });
  }

  /** Condemns a blob, if it is held. */
  #condemn(digest: Digest, record: EvictionRecord): void {
    if (this.#sql.deleteBlob.run(digest).changes === 0) return;
    this.#condemned.add.run(digest);
    record.blobs.push(digest);
  }
}
