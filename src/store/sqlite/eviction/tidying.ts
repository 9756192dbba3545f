import type Database from 'better-sqlite3';
import type { Clock } from '../../../base/clock.ts';
import { TimeSlice } from '../time-slice.ts';

/** Where a stage is in the order of its rows. */
interface Cursor {
  readonly at: number;
  readonly repository: number;
  readonly digest: string;
}

const start: Cursor = { at: -Infinity, repository: 0, digest: '' };

/** Selects the next rows behind a cursor, few enough for a time slice, and whether each may go. */
const stages = [
  // Rights that nothing but a confirmation gives, to bytes that are not held.
  {
    select: `
      SELECT confirmed_at AS at, repository, digest,
        NOT EXISTS (SELECT 1 FROM blob WHERE blob.digest = repository_blob.digest) AS idle
      FROM repository_blob
      WHERE manifests = 0 AND confirmed_at < @before
        AND (confirmed_at, repository, digest) > (@at, @repository, @digest)
      ORDER BY confirmed_at, repository, digest LIMIT 50`,
    remove: `DELETE FROM repository_blob WHERE repository = @repository AND digest = @digest`,
  },
  // Lists of referrers of manifests that the repository does not hold.
  {
    select: `
      SELECT checked_at AS at, repository, subject AS digest,
        NOT EXISTS (
          SELECT 1 FROM repository_manifest held
          WHERE held.repository = referrers.repository AND held.digest = referrers.subject
        ) AS idle
      FROM referrers
      WHERE checked_at < @before AND (checked_at, repository, subject) > (@at, @repository, @digest)
      ORDER BY checked_at, repository, subject LIMIT 50`,
    remove: `DELETE FROM referrers WHERE repository = @repository AND subject = @digest`,
  },
  // Repositories with nothing in them.
  {
    select: `
      SELECT 0 AS at, id AS repository, '' AS digest,
        (public_at IS NULL OR public_at < @before)
          AND NOT EXISTS (SELECT 1 FROM repository_manifest WHERE repository = repository.id)
          AND NOT EXISTS (SELECT 1 FROM repository_blob WHERE repository = repository.id)
          AND NOT EXISTS (SELECT 1 FROM referrers WHERE repository = repository.id) AS idle
      FROM repository WHERE id > @repository
      ORDER BY id LIMIT 50`,
    remove: `DELETE FROM repository WHERE id = @repository`,
  },
];

/** Removes small leftovers, which are in no queue, in slices that go round and round. */
export class Tidying {
  readonly #clock: Clock;
  readonly #stages;
  #stage = 0;
  #after = start;

  constructor(database: Database.Database, clock: Clock) {
    this.#clock = clock;
    this.#stages = stages.map(({ select, remove }) => ({
      select: database.prepare<[Cursor & { before: number }], Cursor & { idle: number }>(select),
      remove: database.prepare<[Cursor]>(remove),
    }));
  }

  /** Goes on for a slice, inside a transaction. False at the end of a round. */
  run(before: number): boolean {
    const slice = new TimeSlice(this.#clock);
    do {
      const stage = this.#stages[this.#stage];
      if (stage === undefined) {
        this.#stage = 0;
        return false;
      }
      const rows = stage.select.all({ ...this.#after, before });
      for (const { idle, ...row } of rows) if (idle === 1) stage.remove.run(row);
      const last = rows.at(-1);
      this.#after = last ?? start;
      if (last === undefined) this.#stage += 1;
    } while (!slice.isOver);
    return true;
  }
}
