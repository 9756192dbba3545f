import type Database from 'better-sqlite3';
import type { Digest } from '../../oci/digest.ts';
import type { Tag } from '../../oci/reference.ts';
import type { StoredImage } from '../inventory.ts';
import { ManifestGraph, type HeldIn } from './eviction/manifest-graph.ts';

interface ManifestRow {
  readonly mediaType: string;
  readonly createdAt: number;
  readonly lastUsedAt: number;
  /** Bytes. */
  readonly size: number;
}

interface NamedBlob {
  readonly blob: Digest;
  /** Null when it is not held. */
  readonly size: number | null;
}

/** The statements that list the images of a repository (the id of its row). Each is a lookup of its own: see `ManifestGraph`. */
export class InventoryImages {
  readonly #graph: ManifestGraph;
  readonly #tags;
  readonly #manifests;
  readonly #isTagged;
  readonly #holds;
  readonly #manifest;
  readonly #blobs;

  constructor(database: Database.Database) {
    this.#graph = new ManifestGraph(database);
    this.#tags = database.prepare<[number, string, number], { readonly tag: Tag; readonly digest: Digest }>(
      `SELECT name AS tag, digest FROM tag WHERE repository = ? AND name > ? ORDER BY name LIMIT ?`,
    );
    this.#manifests = database
      .prepare<[number, string, number], Digest>(
        `SELECT digest FROM repository_manifest WHERE repository = ? AND digest > ? ORDER BY digest LIMIT ?`,
      )
      .pluck();
    const found = (sql: string) => database.prepare<[number, Digest], number>(sql).pluck();
    this.#isTagged = found(`SELECT 1 FROM tag WHERE repository = ? AND digest = ? LIMIT 1`);
    this.#holds = found(`SELECT 1 FROM repository_manifest WHERE repository = ? AND digest = ?`);
    this.#manifest = database.prepare<[Digest], ManifestRow>(`
      SELECT media_type AS mediaType, created_at AS createdAt, last_used_at AS lastUsedAt, length(bytes) AS size
      FROM manifest WHERE digest = ?`);
    this.#blobs = database.prepare<[Digest], NamedBlob>(
      `SELECT blob, (SELECT size FROM blob WHERE digest = manifest_blob.blob) AS size FROM manifest_blob WHERE manifest = ?`,
    );
  }

  /** Tags after that one, in lexical order. */
  tags(repository: number, after: Tag | '', limit: number): readonly { tag: Tag; digest: Digest }[] {
    return this.#tags.all(repository, after, limit);
  }

  /** Whether a tag stands for an image, and not for what belongs to one. */
  isImage(repository: number, tag: Tag): boolean {
    return !this.#graph.isCompanion(repository, tag);
  }

  /** Manifests after that one, in the order of their digests. */
  manifests(repository: number, after: Digest | '', limit: number): readonly Digest[] {
    return this.#manifests.all(repository, after, limit);
  }

  /** Whether a manifest has no tag, and belongs to no other manifest of the repository. */
  isUntaggedRoot(repository: number, digest: Digest): boolean {
    if (this.#isTagged.get(repository, digest) !== undefined) return false;
    return this.#graph.owners(digest, this.#heldIn(repository)).length === 0;
  }

  /** What is known of an image, or undefined when it is no longer held. */
  describe(
    repository: number,
    digest: Digest,
  ): Omit<StoredImage, 'repository' | 'tag' | 'digest'> | undefined {
    const root = this.#manifest.get(digest);
    if (root === undefined) return undefined;
    const blobs = new Map<Digest, number | null>();
    let manifestBytes = 0;
    let { lastUsedAt } = root;
    const members = this.#members(repository, digest);
    for (const member of members) {
      const manifest = this.#manifest.get(member);
      manifestBytes += manifest?.size ?? 0;
      lastUsedAt = Math.max(lastUsedAt, manifest?.lastUsedAt ?? 0);
      for (const { blob, size } of this.#blobs.all(member)) blobs.set(blob, size);
    }
    const sizes = [...blobs.values()];
    return {
      mediaType: root.mediaType,
      bytes: sizes.reduce<number>((sum, size) => sum + (size ?? 0), manifestBytes),
      manifests: members.size,
      lastUsedAt,
      createdAt: root.createdAt,
      complete: !sizes.includes(null),
    };
  }

  /** A manifest and all that belongs to it and is held by the repository. */
  #members(repository: number, digest: Digest): ReadonlySet<Digest> {
    return new Set(this.#graph.descendants(digest, this.#heldIn(repository)));
  }

  #heldIn(repository: number): HeldIn {
    const [here, nowhere] = [new Set([repository]), new Set<number>()];
    return (manifest) => (this.#holds.get(repository, manifest) === undefined ? nowhere : here);
  }
}
