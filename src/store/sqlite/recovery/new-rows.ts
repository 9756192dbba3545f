import type Database from 'better-sqlite3';
import type { Digest } from '../../../oci/digest.ts';
import type { Descriptor } from '../../../oci/manifest.ts';
import type { Repository, Tag, UpstreamName } from '../../../oci/reference.ts';
import { migrations } from '../schema.ts';
import type { Row } from './damaged-database.ts';
import type { SalvagedManifest } from './salvaged-rows.ts';

/**
 * The schema that rows are written in. It is the last one that keeps no accounts: the steps that follow count all rows
 * at once, as they do for a database of that version.
 */
export const plainSchema: readonly string[] = migrations.slice(0, 3);

/** Rows of a database of {@link plainSchema}. What is there already stays as it is. */
export class NewRows {
  readonly #sql;

  constructor(database: Database.Database) {
    this.#sql = {
      insertRepository: database.prepare<[Repository & { publicAt: number | null }]>(
        `INSERT INTO repository (upstream, name, public_at) VALUES (@upstream, @name, @publicAt) ON CONFLICT DO NOTHING`,
      ),
      repositoryId: database
        .prepare<[Repository], number>(
          `SELECT id FROM repository WHERE upstream = @upstream AND name = @name`,
        )
        .pluck(),
      insertManifest: database.prepare<[Row]>(`
      INSERT INTO manifest (digest, media_type, subject, artifact_type, created_at, last_used_at, bytes)
      VALUES (@digest, @mediaType, @subject, @artifactType, @createdAt, @lastUsedAt, @bytes) ON CONFLICT DO NOTHING`),
      insertChild: database.prepare<[parent: Digest, child: Digest]>(
        `INSERT INTO manifest_child (parent, child) VALUES (?, ?) ON CONFLICT DO NOTHING`,
      ),
      insertBlob: database.prepare<[manifest: Digest, blob: Digest]>(
        `INSERT INTO manifest_blob (manifest, blob) VALUES (?, ?) ON CONFLICT DO NOTHING`,
      ),
      bytes: database.prepare<[Digest], Buffer>(`SELECT bytes FROM manifest WHERE digest = ?`).pluck(),
      manifests: database.prepare<[], Digest>(`SELECT digest FROM manifest`).pluck(),
      insertHolding: database.prepare<[repository: number, digest: Digest]>(
        `INSERT INTO repository_manifest (repository, digest) VALUES (?, ?) ON CONFLICT DO NOTHING`,
      ),
      insertTag: database.prepare<[{ repository: number; name: Tag; digest: Digest; checkedAt: number }]>(`
      INSERT INTO tag (repository, name, digest, checked_at)
      SELECT repository, @name, digest, @checkedAt FROM repository_manifest
      WHERE repository = @repository AND digest = @digest
      ON CONFLICT DO UPDATE SET
        checked_at = iif(digest = excluded.digest, max(checked_at, excluded.checked_at), checked_at)`),
      insertRight: database.prepare<
        [{ repository: number; digest: Digest; size: number; confirmedAt: number | null }]
      >(`
      INSERT INTO repository_blob (repository, digest, size, confirmed_at)
      VALUES (@repository, @digest, @size, @confirmedAt)
      ON CONFLICT DO UPDATE SET size = excluded.size, confirmed_at = excluded.confirmed_at
      WHERE confirmed_at IS NULL AND excluded.confirmed_at IS NOT NULL`),
      insertReferrers: database.prepare<
        [repository: number, subject: Digest, checkedAt: number, descriptors: string]
      >(
        `INSERT INTO referrers (repository, subject, checked_at, descriptors) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
      ),
      insertUpstreamState: database.prepare<[Row]>(`
      INSERT INTO upstream_state (upstream, failures, retry_at, pull_limit, pulls_remaining, window_seconds)
      VALUES (@upstream, @failures, @retryAt, @limit, @remaining, @window) ON CONFLICT DO NOTHING`),
      insertGuarded: database.prepare<[UpstreamName]>(
        `INSERT INTO guarded_upstream (upstream) VALUES (?) ON CONFLICT DO NOTHING`,
      ),
      guardKnownToBePublic: database.prepare<[]>(`
      INSERT INTO guarded_upstream (upstream) SELECT DISTINCT upstream FROM repository WHERE public_at IS NOT NULL
      ON CONFLICT DO NOTHING`),
    };
  }

  /** Returns the id of its row. */
  repository({ upstream, name, publicAt }: Repository & { readonly publicAt: number | null }): number {
    this.#sql.insertRepository.run({ upstream, name, publicAt });
    const id = this.#sql.repositoryId.get({ upstream, name });
    if (id === undefined) throw new TypeError('a row that was just written is missing');
    return id;
  }

  manifest({ manifest, contents, createdAt, lastUsedAt }: SalvagedManifest): void {
    const { digest, mediaType, bytes } = manifest;
    const { subject = null, artifactType = null } = contents;
    const row = { digest, mediaType, subject, artifactType, createdAt, lastUsedAt, bytes };
    if (this.#sql.insertManifest.run(row).changes === 0) return;
    for (const child of contents.children) this.#sql.insertChild.run(digest, child.digest);
    for (const blob of contents.blobs) this.#sql.insertBlob.run(digest, blob.digest);
  }

  /** The digests of all manifests. */
  manifests(): readonly Digest[] {
    return this.#sql.manifests.all();
  }

  bytesOf(manifest: Digest): Buffer | undefined {
    return this.#sql.bytes.get(manifest);
  }

  /** A manifest that is there, held by a repository, with the blobs that it names. */
  holding(repository: number, manifest: Digest, blobs: readonly Descriptor[]): void {
    if (this.#sql.insertHolding.run(repository, manifest).changes === 0) return;
    for (const { digest, size } of blobs) {
      this.#sql.insertRight.run({ repository, digest, size, confirmedAt: null });
    }
  }

  /** False when the repository does not hold what the tag points to. */
  tag(repository: number, tag: { name: Tag; digest: Digest; checkedAt: number }): boolean {
    return this.#sql.insertTag.run({ repository, ...tag }).changes > 0;
  }

  right(repository: number, right: { digest: Digest; size: number; confirmedAt: number }): void {
    this.#sql.insertRight.run({ repository, ...right });
  }

  referrers(repository: number, list: { subject: Digest; checkedAt: number; descriptors: string }): void {
    this.#sql.insertReferrers.run(repository, list.subject, list.checkedAt, list.descriptors);
  }

  upstreamState(row: Row): void {
    this.#sql.insertUpstreamState.run(row);
  }

  guarded(upstream: UpstreamName): void {
    this.#sql.insertGuarded.run(upstream);
  }

  /** Guards the upstreams of which it is known what is public. */
  guardKnownToBePublic(): void {
    this.#sql.guardKnownToBePublic.run();
  }
}
