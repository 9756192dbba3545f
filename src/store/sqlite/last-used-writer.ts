import type Database from 'better-sqlite3';
import type { Clock } from '../../base/clock.ts';
import type { Digest } from '../../oci/digest.ts';
import { ManifestGraph, type HeldIn } from './eviction/manifest-graph.ts';
import { Repositories } from './eviction/repositories.ts';
import type { Positions } from './positions.ts';
import { TimeSlice } from './time-slice.ts';
import type { LastUse } from './last-used.ts';

/** Writes down when manifests and blobs were used. */
export class LastUsedWriter {
  readonly #clock: Clock;
  readonly #positions: Positions;
  readonly #graph: ManifestGraph;
  readonly #heldIn: HeldIn;
  readonly #sql;

  constructor(database: Database.Database, positions: Positions, clock: Clock) {
    this.#clock = clock;
    this.#positions = positions;
    this.#graph = new ManifestGraph(database);
    const repositories = new Repositories(database);
    this.#heldIn = (manifest) => repositories.ids(manifest);
    const touch = (table: string) =>
      database.prepare<[{ digest: Digest } & LastUse]>(`
        UPDATE ${table} SET last_used_at = @at, queue_at = max(queue_at, @position) WHERE digest = @digest`);
    this.#sql = {
      touchManifest: touch('manifest'),
      touchBlob: touch('blob'),
      move: database.prepare<[{ digest: Digest; position: number }]>(
        `UPDATE manifest SET queue_at = @position WHERE digest = @digest AND queue_at < @position`,
      ),
    };
  }

  /**
   * Writes as many of the first uses as a time slice allows, at least one, and returns how many. To be run
   * inside a transaction. Dependents of a used manifest move back in the queue with it, as far as time
   * allows: the rest is found to belong to it when its turn to be evicted comes.
   */
  write(uses: ReadonlyMap<Digest, LastUse>): number {
    const slice = new TimeSlice(this.#clock);
    let written = 0;
    for (const [digest, { at, position }] of uses) {
      if (this.#sql.touchManifest.run({ digest, at, position }).changes > 0) {
        for (const member of this.#graph.descendants(digest, this.#heldIn)) {
          this.#sql.move.run({ digest: member, position });
          if (slice.isOver) break;
        }
      }
      this.#sql.touchBlob.run({ digest, at, position });
      written += 1;
      if (slice.isOver) break;
    }
    this.#positions.save();
    return written;
  }
}
