import type Database from 'better-sqlite3';
import type { Digest } from '../../oci/digest.ts';
import type { RepositoryName, UpstreamName } from '../../oci/reference.ts';
import type { StoredBlob } from '../content-store.ts';
import type { StoredPin } from '../inventory.ts';
import { InventoryImages } from './inventory-images.ts';
import { thisRepository, type InRepository } from './statements.ts';

/** A row of the table of repositories. */
export interface RepositoryRow {
  readonly id: number;
  readonly upstream: UpstreamName;
  readonly name: RepositoryName;
}

/** A part of a count: so many rows, the last of them with that key. */
interface Counted {
  readonly count: number;
  /** Null for no rows. */
  readonly last: string | null;
}

interface PartOf {
  readonly repository: number;
  readonly after: string;
  readonly limit: number;
}

/** The statements of the inventory, prepared once on a migrated database. */
export class InventoryStatements {
  readonly images: InventoryImages;
  readonly repository;
  readonly nextRepositories;
  readonly countTags;
  readonly countManifests;
  readonly holdsManifest;
  readonly sizesOfBlobs;
  readonly blobs;
  readonly neverVerified;
  readonly verifiedBefore;
  readonly setVerified;
  readonly pins;
  readonly insertPin;
  readonly deletePin;
  readonly totals;

  constructor(database: Database.Database) {
    this.images = new InventoryImages(database);
    this.repository = database.prepare<[InRepository], { id: number }>(thisRepository);
    this.nextRepositories = database.prepare<[InRepository & { limit: number }], RepositoryRow>(`
      SELECT id, upstream, name FROM repository
      WHERE (upstream, name) > (@upstream, @name) ORDER BY upstream, name LIMIT @limit`);
    this.countTags = database.prepare<[PartOf], Counted>(`
      SELECT count(*) AS count, max(name) AS last FROM (
        SELECT name FROM tag WHERE repository = @repository AND name > @after ORDER BY name LIMIT @limit
      )`);
    this.countManifests = database.prepare<[PartOf], Counted>(`
      SELECT count(*) AS count, max(digest) AS last FROM (
        SELECT digest FROM repository_manifest
        WHERE repository = @repository AND digest > @after ORDER BY digest LIMIT @limit
      )`);
    this.holdsManifest = database.prepare<[repository: number], { found: number }>(
      `SELECT 1 AS found FROM repository_manifest WHERE repository = ? LIMIT 1`,
    );
    // The primary key leads through the repository's rows; repository_blob_by_digest finds others that share them.
    this.sizesOfBlobs = database.prepare<
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
      ) part`);
    this.blobs = database.prepare<[after: string, limit: number], StoredBlob>(
      `SELECT digest, size FROM blob WHERE digest > ? ORDER BY digest LIMIT ?`,
    );
    this.neverVerified = database.prepare<[limit: number], StoredBlob>(
      `SELECT digest, size FROM blob WHERE verified_at IS NULL ORDER BY digest LIMIT ?`,
    );
    this.verifiedBefore = database.prepare<[before: number, limit: number], StoredBlob>(
      `SELECT digest, size FROM blob WHERE verified_at < ? ORDER BY verified_at, digest LIMIT ?`,
    );
    this.setVerified = database.prepare<[at: number, digest: Digest]>(
      `UPDATE blob SET verified_at = ? WHERE digest = ?`,
    );
    this.pins = database.prepare<[], StoredPin>(
      `SELECT pattern, created_at AS createdAt FROM pin ORDER BY pattern`,
    );
    this.insertPin = database.prepare<[pattern: string, now: number]>(
      `INSERT INTO pin (pattern, created_at) VALUES (?, ?) ON CONFLICT DO NOTHING`,
    );
    this.deletePin = database.prepare<[pattern: string]>(`DELETE FROM pin WHERE pattern = ?`);
    this.totals = database.prepare<[], { manifests: number; blobs: number }>(
      `SELECT manifests, blobs FROM usage`,
    );
  }
}
