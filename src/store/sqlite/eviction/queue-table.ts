import type Database from 'better-sqlite3';
import type { Digest } from '../../../oci/digest.ts';
import type { RepositoryName, UpstreamName } from '../../../oci/reference.ts';
import type { QueuePlace } from './queue.ts';

export type QueueTable = ReturnType<typeof queueTable>;

/** The statements on the places of manifests and blobs in the queue. */
export function queueTable(database: Database.Database) {
  /** The first behind a position and, at that position, behind a digest. */
  const next = (of: string) =>
    database.prepare<
      [position: number, digest: string],
      { readonly digest: Digest; readonly position: number }
    >(`
      SELECT digest, queue_at AS position FROM ${of} (queue_at, digest) > (?, ?)
      ORDER BY queue_at, digest LIMIT 1`);
  const place = (table: string) =>
    database.prepare<[Digest], QueuePlace>(
      `SELECT queue_at AS position, last_used_at AS lastUsedAt FROM ${table} WHERE digest = ?`,
    );
  /** Never forward. */
  const move = (table: string) =>
    database.prepare<[{ digest: Digest; position: number }]>(
      `UPDATE ${table} SET queue_at = @position WHERE digest = @digest AND queue_at < @position`,
    );
  return {
    next: { manifest: next('manifest WHERE'), blob: next('blob WHERE loose = 1 AND') },
    place: { manifest: place('manifest'), blob: place('blob') },
    move: { manifest: move('manifest'), blob: move('blob') },
    /** How many manifests name a blob. */
    naming: database
      .prepare<[blob: Digest], number>(`SELECT count(*) FROM manifest_blob WHERE blob = ?`)
      .pluck(),
    /** A row if more than `count` manifests name a blob, without counting more of them. */
    oneBehind: database.prepare<[blob: Digest, count: number]>(
      `SELECT 1 FROM manifest_blob WHERE blob = ? LIMIT 1 OFFSET ?`,
    ),
    /** How many manifests name a blob, each counted in every repository of the scope that holds it. */
    namingIn: database
      .prepare<[{ blob: Digest; upstream: UpstreamName; name: RepositoryName | null }], number>(
        `
        SELECT coalesce(sum(manifests), 0) FROM repository_blob
        WHERE digest = @blob AND EXISTS (
          SELECT 1 FROM repository
          WHERE id = repository_blob.repository
            AND +upstream = @upstream AND +name = coalesce(@name, name)
        )`,
      )
      .pluck(),
    /** In bytes. */
    size: database.prepare<[Digest], number>(`SELECT size FROM blob WHERE digest = ?`).pluck(),
  };
}
