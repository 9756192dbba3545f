import type Database from 'better-sqlite3';
import type { Digest } from '../../../oci/digest.ts';
import type { RepositoryName, UpstreamName } from '../../../oci/reference.ts';
import type { Scope } from '../../evictions.ts';
import type { Candidate, QueuePlace } from './queue.ts';

interface Spot {
  readonly digest: Digest;
  readonly position: number;
}

type Kind = Candidate['kind'];

/** The statements on positions of manifests and of blobs. */
export class QueueTable {
  readonly #sql;

  constructor(database: Database.Database) {
    const next = (of: string) =>
      database.prepare<[position: number, digest: string], Spot>(`
        SELECT digest, queue_at AS position FROM ${of} (queue_at, digest) > (?, ?)
        ORDER BY queue_at, digest LIMIT 1`);
    const place = (table: string) =>
      database.prepare<[Digest], QueuePlace>(
        `SELECT queue_at AS position, last_used_at AS lastUsedAt FROM ${table} WHERE digest = ?`,
      );
    const move = (table: string) =>
      database.prepare<[{ digest: Digest; position: number }]>(
        `UPDATE ${table} SET queue_at = @position WHERE digest = @digest AND queue_at < @position`,
      );
    this.#sql = {
      next: { manifest: next('manifest WHERE'), blob: next('blob WHERE loose = 1 AND') },
      place: { manifest: place('manifest'), blob: place('blob') },
      move: { manifest: move('manifest'), blob: move('blob') },
      naming: database.prepare<[blob: Digest], { count: number }>(
        `SELECT count(*) AS count FROM manifest_blob WHERE blob = ?`,
      ),
      oneBehind: database.prepare<[blob: Digest, count: number], { found: number }>(
        `SELECT 1 AS found FROM manifest_blob WHERE blob = ? LIMIT 1 OFFSET ?`,
      ),
      claims: database.prepare<
        [{ blob: Digest; upstream: UpstreamName; name: RepositoryName | null }],
        { count: number }
      >(`
      SELECT coalesce(sum(manifests), 0) AS count FROM repository_blob
      WHERE digest = @blob AND EXISTS (
        SELECT 1 FROM repository
        WHERE id = repository_blob.repository
          AND +upstream = @upstream AND +name = coalesce(@name, name)
      )`),
      size: database.prepare<[Digest], { size: number }>(`SELECT size FROM blob WHERE digest = ?`),
    };
  }

  /** The first behind a position and, at that position, behind a digest. */
  next(kind: Kind, position: number, digest: string): Candidate | undefined {
    const spot = this.#sql.next[kind].get(position, digest);
    return spot === undefined ? undefined : { kind, ...spot };
  }

  place(kind: Kind, digest: Digest): QueuePlace | undefined {
    return this.#sql.place[kind].get(digest);
  }

  /** Moves something back, never forward. */
  move(kind: Kind, digest: Digest, position: number): void {
    this.#sql.move[kind].run({ digest, position });
  }

  /** How many held manifests name a blob. */
  naming(blob: Digest): number {
    return this.#sql.naming.get(blob)?.count ?? 0;
  }

  /** Whether more than `count` held manifests name a blob, without counting more of them. */
  isNamedByMoreThan(count: number, blob: Digest): boolean {
    return this.#sql.oneBehind.get(blob, count) !== undefined;
  }

  /** How many manifests name a blob, each counted in every repository of the scope that holds it. */
  claims(blob: Digest, { upstream, name }: Scope): number {
    return this.#sql.claims.get({ blob, upstream, name: name ?? null })?.count ?? 0;
  }

  /** In bytes, of a blob that is held. */
  size(blob: Digest): number {
    return this.#sql.size.get(blob)?.size ?? 0;
  }
}
