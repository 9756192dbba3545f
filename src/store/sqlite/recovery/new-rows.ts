import type Database from 'better-sqlite3';
import type { Digest } from '../../../oci/digest.ts';
import type { Descriptor } from '../../../oci/manifest.ts';
import type { Repository, Tag, UpstreamName } from '../../../oci/reference.ts';
import { migrations } from '../schema.ts';
import type { SalvagedManifest } from './salvaged-rows.ts';

/**
 * The schema that rows are written in, the last one without accounts: the migrations that follow count all
 * rows.
 */
export const plainSchema: readonly string[] = migrations.slice(0, 3);

interface RightRow {
  readonly repository: number;
  readonly digest: Digest;
  readonly size: number;
  readonly confirmedAt: number | null;
}

/** Rows of a database of {@link plainSchema}. What is there already stays as it is. */
export class NewRows {
  /** Statements that need nothing besides. */
  readonly sql;
  readonly #sql;

  constructor(database: Database.Database) {
    this.sql = {
      manifests: database.prepare<[], Digest>(`SELECT digest FROM manifest`).pluck(),
      bytesOf: database.prepare<[Digest], Buffer>(`SELECT bytes FROM manifest WHERE digest = ?`).pluck(),
      // No row where the repository does not hold what the tag points to.
      insertTag: database.prepare<[{ repository: number; name: Tag; digest: Digest; checkedAt: number }]>(`
        INSERT INTO tag (repository, name, digest, checked_at)
        SELECT repository, @name, digest, @checkedAt FROM repository_manifest
        WHERE repository = @repository AND digest = @digest
        ON CONFLICT DO UPDATE SET
          checked_at = iif(digest = excluded.digest, max(checked_at, excluded.checked_at), checked_at)`),
      insertRight: database.prepare<[RightRow]>(`
        INSERT INTO repository_blob (repository, digest, size, confirmed_at)
        VALUES (@repository, @digest, @size, @confirmedAt)
        ON CONFLICT DO UPDATE SET size = excluded.size, confirmed_at = excluded.confirmed_at
        WHERE confirmed_at IS NULL AND excluded.confirmed_at IS NOT NULL`),
      insertReferrers: database.prepare<
        [{ repository: number; subject: Digest; checkedAt: number; descriptors: string }]
      >(`
        INSERT INTO referrers (repository, subject, checked_at, descriptors)
        VALUES (@repository, @subject, @checkedAt, @descriptors) ON CONFLICT DO NOTHING`),
      insertUpstreamState: database.prepare<[object]>(`
        INSERT INTO upstream_state (upstream, failures, retry_at, pull_limit, pulls_remaining, window_seconds)
        VALUES (@upstream, @failures, @retryAt, @limit, @remaining, @window) ON CONFLICT DO NOTHING`),
      insertGuarded: database.prepare<[{ upstream: UpstreamName }]>(
        `INSERT INTO guarded_upstream (upstream) VALUES (@upstream) ON CONFLICT DO NOTHING`,
      ),
      guardKnownToBePublic: database.prepare<[]>(`
        INSERT INTO guarded_upstream (upstream) SELECT DISTINCT upstream FROM repository WHERE public_at IS NOT NULL
        ON CONFLICT DO NOTHING`),
    };
    this.#sql = {
      insertRepository: database.prepare<[Repository & { publicAt: number | null }]>(`
        INSERT INTO repository (upstream, name, public_at) VALUES (@upstream, @name, @publicAt) ON CONFLICT DO NOTHING`),
      repositoryId: database
        .prepare<[Repository], number>(
          `SELECT id FROM repository WHERE upstream = @upstream AND name = @name`,
        )
        .pluck(),
      insertManifest: database.prepare<[object]>(`
        INSERT INTO manifest (digest, media_type, subject, artifact_type, created_at, last_used_at, bytes)
        VALUES (@digest, @mediaType, @subject, @artifactType, @createdAt, @lastUsedAt, @bytes) ON CONFLICT DO NOTHING`),
      insertChild: database.prepare<[parent: Digest, child: Digest]>(
        `INSERT INTO manifest_child (parent, child) VALUES (?, ?) ON CONFLICT DO NOTHING`,
      ),
      insertBlob: database.prepare<[manifest: Digest, blob: Digest]>(
        `INSERT INTO manifest_blob (manifest, blob) VALUES (?, ?) ON CONFLICT DO NOTHING`,
      ),
      insertHolding: database.prepare<[repository: number, digest: Digest]>(
        `INSERT INTO repository_manifest (repository, digest) VALUES (?, ?) ON CONFLICT DO NOTHING`,
      ),
    };
  }

  /** Returns the id of its row. */
  repository(repository: Repository & { readonly publicAt: number | null }): number {
    this.#sql.insertRepository.run(repository);
    const id = this.#sql.repositoryId.get(repository);
    if (id === undefined) throw new TypeError('a row that was just written is missing');
    return id;
  }

  manifest({ manifest, contents, createdAt, lastUsedAt }: SalvagedManifest): void {
    const { subject = null, artifactType = null } = contents;
    const row = { ...manifest, subject, artifactType, createdAt, lastUsedAt };
    if (this.#sql.insertManifest.run(row).changes === 0) return;
    for (const child of contents.children) this.#sql.insertChild.run(manifest.digest, child.digest);
    for (const blob of contents.blobs) this.#sql.insertBlob.run(manifest.digest, blob.digest);
  }

  /** A manifest that is there, held by a repository, with the blobs that it names. */
  holding(repository: number, manifest: Digest, blobs: readonly Descriptor[]): void {
    if (this.#sql.insertHolding.run(repository, manifest).changes === 0) return;
    for (const { digest, size } of blobs) {
      this.sql.insertRight.run({ repository, digest, size, confirmedAt: null });
    }
  }
}
