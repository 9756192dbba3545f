import type Database from 'better-sqlite3';
import type { Digest } from '../../oci/digest.ts';
import type { RepositoryName, Tag, UpstreamName } from '../../oci/reference.ts';
import { AccountRepair } from './account-repair.ts';

export interface ImageNameRow {
  readonly upstream: UpstreamName;
  readonly name: RepositoryName;
  readonly tag: Tag | null;
  readonly digest: Digest;
}

/** Manifests that are looked through for names: a base layer may be in more than anybody reads. */
const mostHolders = 200;
/** Verifications that are taken back at a time. */
export const distrustBatch = 500;

/** The statements of an audit, prepared once on a migrated database. */
export class AuditStatements {
  readonly repair: AccountRepair;
  readonly manifests;
  readonly imagesNaming;
  readonly oldestVerification;
  readonly distrust;

  constructor(database: Database.Database) {
    this.repair = new AccountRepair(database);
    this.manifests = database.prepare<[after: string, limit: number], { readonly digest: Digest }>(
      `SELECT digest FROM manifest WHERE digest > ? ORDER BY digest LIMIT ?`,
    );
    this.imagesNaming = database.prepare<[{ digest: Digest; limit: number }], ImageNameRow>(`
      WITH RECURSIVE holder (digest) AS (
        SELECT digest FROM manifest WHERE digest = @digest
        UNION
        SELECT manifest FROM manifest_blob WHERE blob = @digest
        UNION
        SELECT parent FROM holder CROSS JOIN manifest_child ON child = holder.digest
        LIMIT ${mostHolders}
      )
      SELECT upstream, repository.name, tag.name AS tag, holder.digest
      FROM holder
      CROSS JOIN repository_manifest rm ON rm.digest = holder.digest
      CROSS JOIN repository ON repository.id = rm.repository
      LEFT JOIN tag ON tag.repository = rm.repository AND tag.digest = rm.digest
      ORDER BY tag.name IS NULL, upstream, repository.name, tag.name
      LIMIT @limit`);
    this.oldestVerification = database.prepare<[], { readonly verified_at: number | null }>(
      `SELECT verified_at FROM blob ORDER BY verified_at, digest LIMIT 1`,
    );
    this.distrust = database.prepare<[now: number]>(`
      UPDATE blob SET verified_at = NULL
      WHERE digest IN (SELECT digest FROM blob WHERE verified_at > ? LIMIT ${distrustBatch})`);
  }
}
