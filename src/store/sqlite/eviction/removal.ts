import type Database from 'better-sqlite3';
import type { Digest } from '../../../oci/digest.ts';
import type { Keeper, Scope } from '../../evictions.ts';
import type { Accounts } from './accounts.ts';
import type { Condemned } from './condemned.ts';
import type { EvictionRecord } from './eviction-record.ts';
import type { Home, Place, Places } from './places.ts';

interface Held {
  readonly repository: number;
  readonly manifest: Digest;
}

export interface RemovableImage {
  readonly root: Digest;
  /** All manifests that go, the root included. */
  readonly members: readonly Digest[];
  /** Milliseconds since the epoch. */
  readonly lastUsedAt: number;
  readonly home: Home;
}

export interface RemovalTerms {
  /** The repositories to take an image from; all, without one. */
  readonly scope?: Scope | undefined;
  /** Whose bytes count as freed; those of the whole store, without one. */
  readonly account?: Scope | undefined;
  readonly keeper: Keeper;
}

/**
 * Takes manifests out of repositories and blobs out of the store. To be run inside a transaction.
 *
 * Rights to read a blob go with the last manifest of the repository that names it. One that upstream confirmed stays:
 * see `Tidying`.
 */
export class Removal {
  readonly #places: Places;
  readonly #accounts: Accounts;
  readonly #condemned: Condemned;
  readonly #unname;
  readonly #forgetRights;
  readonly #deletePair;
  readonly #blobs;
  readonly #deleteManifest;
  readonly #deleteBlob;

  constructor(database: Database.Database, places: Places, accounts: Accounts, condemned: Condemned) {
    this.#places = places;
    this.#accounts = accounts;
    this.#condemned = condemned;
    const named = `repository = @repository AND digest IN (SELECT blob FROM manifest_blob WHERE manifest = @manifest)`;
    this.#unname = database.prepare<[Held]>(
      `UPDATE repository_blob SET manifests = manifests - 1 WHERE ${named}`,
    );
    this.#forgetRights = database.prepare<[Held], { digest: Digest }>(
      `DELETE FROM repository_blob WHERE ${named} AND +manifests = 0 AND confirmed_at IS NULL RETURNING digest`,
    );
    this.#deletePair = database.prepare<[Held]>(
      `DELETE FROM repository_manifest WHERE repository = @repository AND digest = @manifest`,
    );
    this.#blobs = database
      .prepare<[Digest], Digest>(`SELECT blob FROM manifest_blob WHERE manifest = ?`)
      .pluck();
    this.#deleteManifest = database.prepare<[Digest]>(`DELETE FROM manifest WHERE digest = ?`);
    this.#deleteBlob = database.prepare<[Digest]>(`DELETE FROM blob WHERE digest = ? AND +loose = 1`);
  }

  /** Takes an image out of the repositories of a scope, and its blobs that no other manifest names out of the store. */
  image(image: RemovableImage, { scope, account, keeper }: RemovalTerms, record: EvictionRecord): void {
    const held = this.#accounts.bytes(account);
    this.#manifests(image.members, scope, record, keeper);
    const bytes = held - this.#accounts.bytes(account);
    const { repository, tags } = image.home;
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
    keeper: Keeper,
  ): void {
    const blobs = new Set<Digest>();
    for (const manifest of manifests) {
      for (const place of this.#places.of(manifest, scope)) this.#takeOut(place, manifest, record);
      if (this.#places.isHeld(manifest)) continue;
      for (const blob of this.#blobs.all(manifest)) blobs.add(blob);
      this.#deleteManifest.run(manifest);
    }
    for (const blob of blobs) if (!keeper.isInUse(blob)) this.#condemn(blob, record);
  }

  #takeOut(place: Place, manifest: Digest, record: EvictionRecord): void {
    const { id, repository } = place;
    for (const tag of this.#places.tags(place, manifest)) record.tags.push({ repository, tag });
    const held: Held = { repository: id, manifest };
    this.#unname.run(held);
    for (const { digest } of this.#forgetRights.all(held)) record.rights.push({ repository, digest });
    this.#deletePair.run(held);
    record.manifests.push({ repository, digest: manifest });
  }

  /** Condemns a blob, unless it is not held or a held manifest names it. */
  #condemn(digest: Digest, record: EvictionRecord): void {
    if (this.#deleteBlob.run(digest).changes === 0) return;
    this.#condemned.add(digest);
    record.blobs.push(digest);
  }
}
