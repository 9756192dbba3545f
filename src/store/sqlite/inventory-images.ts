import type Database from 'better-sqlite3';
import type { Digest } from '../../oci/digest.ts';
import type { Tag } from '../../oci/reference.ts';
import type { ImageKey, StoredImage } from '../inventory.ts';
import { ManifestGraph, type HeldIn } from './eviction/manifest-graph.ts';
import { thisRepository, type InRepository, type RepositoryRow } from './statements.ts';

/** Rows that are read together. */
const page = 50;

interface ManifestRow {
  readonly mediaType: string;
  readonly createdAt: number;
  readonly lastUsedAt: number;
  /** Bytes. */
  readonly size: number;
}

/** The images of all repositories. Each statement is a lookup of its own: see {@link ManifestGraph}. */
export class InventoryImages {
  readonly #graph: ManifestGraph;
  readonly #sql;

  constructor(database: Database.Database) {
    this.#graph = new ManifestGraph(database);
    this.#sql = {
      repositoryId: database.prepare<[InRepository], number>(thisRepository).pluck(),
      nextRepository: database.prepare<[InRepository], RepositoryRow>(`
        SELECT id, upstream, name FROM repository
        WHERE (upstream, name) > (@upstream, @name) ORDER BY upstream, name LIMIT 1`),
      tags: database.prepare<[number, string], { readonly tag: Tag; readonly digest: Digest }>(
        `SELECT name AS tag, digest FROM tag WHERE repository = ? AND name > ? ORDER BY name LIMIT ${page}`,
      ),
      manifests: database.prepare<[number, string], { readonly digest: Digest }>(`
        SELECT digest FROM repository_manifest
        WHERE repository = ? AND digest > ? ORDER BY digest LIMIT ${page}`),
      isTagged: database.prepare<[number, Digest]>(
        `SELECT 1 FROM tag WHERE repository = ? AND digest = ? LIMIT 1`,
      ),
      holds: database.prepare<[number, Digest]>(
        `SELECT 1 FROM repository_manifest WHERE repository = ? AND digest = ?`,
      ),
      manifest: database.prepare<[Digest], ManifestRow>(`
        SELECT media_type AS mediaType, created_at AS createdAt, last_used_at AS lastUsedAt, length(bytes) AS size
        FROM manifest WHERE digest = ?`),
      // A blob that is not held has no size.
      blobs: database.prepare<[Digest], { readonly blob: Digest; readonly size: number | null }>(`
        SELECT blob, (SELECT size FROM blob WHERE digest = manifest_blob.blob) AS size
        FROM manifest_blob WHERE manifest = ?`),
    };
  }

  /**
   * All images after that one, in the order of {@link ImageKey}. Undefined stands for a row that is no image,
   * so that the caller can pause there.
   */
  *after(image: ImageKey | undefined): Generator<StoredImage | undefined> {
    const id = image === undefined ? undefined : this.#sql.repositoryId.get(image.repository);
    if (image !== undefined && id !== undefined) {
      const here = { id, ...image.repository };
      if (image.tag !== undefined) yield* this.#tagged(here, image.tag);
      yield* this.#untagged(here, image.tag === undefined ? image.digest : '');
    }
    for (let last: InRepository = image?.repository ?? { upstream: '', name: '' }; ;) {
      const { upstream, name } = last;
      const repository = this.#sql.nextRepository.get({ upstream, name });
      if (repository === undefined) return;
      yield* this.#tagged(repository, '');
      yield* this.#untagged(repository, '');
      last = repository;
    }
  }

  /** By tag. A tag that makes a manifest part of another image is none. */
  *#tagged(repository: RepositoryRow, after: Tag | ''): Generator<StoredImage | undefined> {
    for (let last: string = after; ;) {
      const rows = this.#sql.tags.all(repository.id, last);
      for (const { tag, digest } of rows) {
        const isImage = !this.#graph.isCompanion(repository.id, tag);
        yield isImage ? this.#image(repository, tag, digest) : undefined;
        last = tag;
      }
      if (rows.length < page) return;
    }
  }

  /** Manifests that have no tag, and belong to no other manifest of the repository. */
  *#untagged(repository: RepositoryRow, after: Digest | ''): Generator<StoredImage | undefined> {
    const heldIn = this.#heldIn(repository.id);
    for (let last: string = after; ;) {
      const rows = this.#sql.manifests.all(repository.id, last);
      for (const { digest } of rows) {
        const isRoot =
          this.#sql.isTagged.get(repository.id, digest) === undefined &&
          this.#graph.owners(digest, heldIn).length === 0;
        yield isRoot ? this.#image(repository, undefined, digest) : undefined;
        last = digest;
      }
      if (rows.length < page) return;
    }
  }

  /** Undefined when it is no longer held. */
  #image(
    { id, upstream, name }: RepositoryRow,
    tag: Tag | undefined,
    digest: Digest,
  ): StoredImage | undefined {
    const root = this.#sql.manifest.get(digest);
    if (root === undefined) return undefined;
    const { mediaType, createdAt } = root;
    const sizes = new Map<Digest, number | null>();
    let manifests = 0;
    let bytes = 0;
    let lastUsedAt = 0;
    for (const member of this.#graph.descendants(digest, this.#heldIn(id))) {
      const manifest = this.#sql.manifest.get(member);
      manifests += 1;
      bytes += manifest?.size ?? 0;
      lastUsedAt = Math.max(lastUsedAt, manifest?.lastUsedAt ?? 0);
      for (const { blob, size } of this.#sql.blobs.all(member)) sizes.set(blob, size);
    }
    for (const size of sizes.values()) bytes += size ?? 0;
    const complete = sizes.values().every((size) => size !== null);
    const repository = { upstream, name };
    return { repository, tag, digest, mediaType, bytes, manifests, lastUsedAt, createdAt, complete };
  }

  #heldIn(repository: number): HeldIn {
    const [here, nowhere] = [new Set([repository]), new Set<number>()];
    return (manifest) => (this.#sql.holds.get(repository, manifest) === undefined ? nowhere : here);
  }
}
