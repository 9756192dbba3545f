import type Database from 'better-sqlite3';
import type { Digest } from '../../oci/digest.ts';
import type { StoredBlob } from '../content-store.ts';
import type { StoredPin } from '../inventory.ts';
import { InventoryImages } from './inventory-images.ts';
import type { InRepository, RepositoryRow } from './statements.ts';

/** A part of a count: so many rows, the last of them with that key. */
export interface Counted {
  readonly count: number;
  /** Null for no rows. */
  readonly last: string | null;
}

interface PartOf {
  readonly repository: number;
  readonly after: string;
  readonly limit: number;
}

export type CountStatement<T extends Counted> = Database.Statement<[PartOf], T>;

export type InventoryStatements = ReturnType<typeof inventoryStatements>;

/** The statements of the inventory, prepared on a migrated database. */
export function inventoryStatements(database: Database.Database) {
  return {
    images: new InventoryImages(database),
    nextRepositories: database.prepare<[InRepository & { limit: number }], RepositoryRow>(`
      SELECT id, upstream, name FROM repository
      WHERE (upstream, name) > (@upstream, @name) ORDER BY upstream, name LIMIT @limit`),
    countTags: database.prepare<[PartOf], Counted>(`
      SELECT count(*) AS count, max(name) AS last FROM (
        SELECT name FROM tag WHERE repository = @repository AND name > @after ORDER BY name LIMIT @limit
      )`),
    countManifests: database.prepare<[PartOf], Counted>(`
      SELECT count(*) AS count, max(digest) AS last FROM (
        SELECT digest FROM repository_manifest
        WHERE repository = @repository AND digest > @after ORDER BY digest LIMIT @limit
      )`),
    holdsManifest: database.prepare<[repository: number], { found: number }>(
      `SELECT 1 AS found FROM repository_manifest WHERE repository = ? LIMIT 1`,
    ),
    // Goes by the primary key; repository_blob_by_digest finds the other repositories that name a blob.
    sizesOfBlobs: database.prepare<
      [PartOf],
      Counted & { readonly bytes: number; readonly sharedBytes: number }
    >(`
      SELECT count(*) AS count, max(digest) AS last, coalesce(sum(size), 0) AS bytes,
        coalesce(sum(size) FILTER (WHERE EXISTS (
          SELECT 1 FROM repository_blob other
          WHERE other.digest = part.digest AND other.repository <> @repository AND other.manifests > 0
        )), 0) AS sharedBytes
      FROM (
        SELECT digest, iif(manifests > 0, (SELECT size FROM blob WHERE blob.digest = named.digest), 0) AS size
        FROM repository_blob named
        WHERE repository = @repository AND digest > @after ORDER BY digest LIMIT @limit
      ) part`),
    blobs: database.prepare<[after: string, limit: number], StoredBlob>(
      `SELECT digest, size FROM blob WHERE digest > ? ORDER BY digest LIMIT ?`,
    ),
    neverVerified: database.prepare<[limit: number], StoredBlob>(
      `SELECT digest, size FROM blob WHERE verified_at IS NULL ORDER BY digest LIMIT ?`,
    ),
    verifiedBefore: database.prepare<[before: number, limit: number], StoredBlob>(
      `SELECT digest, size FROM blob WHERE verified_at < ? ORDER BY verified_at, digest LIMIT ?`,
    ),
    setVerified: database.prepare<[at: number, digest: Digest]>(
      `UPDATE blob SET verified_at = ? WHERE digest = ?`,
    ),
    pins: database.prepare<[], StoredPin>(
      `SELECT pattern, created_at AS createdAt FROM pin ORDER BY pattern`,
    ),
    insertPin: database.prepare<[pattern: string, now: number]>(
      `INSERT INTO pin (pattern, created_at) VALUES (?, ?) ON CONFLICT DO NOTHING`,
    ),
    deletePin: database.prepare<[pattern: string]>(`DELETE FROM pin WHERE pattern = ?`),
    totals: database.prepare<[], { manifests: number; blobs: number }>(`SELECT manifests, blobs FROM usage`),
  };
}
