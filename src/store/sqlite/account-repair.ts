import type Database from 'better-sqlite3';
import type {
  MiscountedBlob,
  MiscountedClaim,
  MiscountedRepository,
  MiscountedTotal,
  MiscountedUpstream,
} from './account-errors.ts';

/**
 * Puts accounts right while others write. What can be counted at once is; a sum over many rows is corrected by what it
 * was wrong by, since every write that has happened meanwhile has changed the sum and its account alike.
 */
export class AccountRepair {
  readonly #recountClaim;
  readonly #recountBlob;
  readonly #correctRepository;
  readonly #correctUpstream;
  readonly #correctTotal;

  constructor(database: Database.Database) {
    this.#recountClaim = database.prepare<[{ repository: number; digest: string }]>(`
      UPDATE repository_blob SET manifests = (
        SELECT count(*) FROM manifest_blob mb
        CROSS JOIN repository_manifest rm ON rm.repository = @repository AND rm.digest = mb.manifest
        WHERE mb.blob = @digest
      )
      WHERE repository = @repository AND digest = @digest`);
    this.#recountBlob = database.prepare<[{ digest: string }]>(`
      UPDATE blob SET loose = NOT EXISTS (SELECT 1 FROM manifest_blob WHERE blob = @digest) WHERE digest = @digest`);
    this.#correctRepository = database.prepare<[by: number, repository: number]>(
      `UPDATE repository SET bytes = bytes + ? WHERE id = ?`,
    );
    this.#correctUpstream = database.prepare<[by: number, upstream: string]>(
      `UPDATE upstream_usage SET bytes = bytes + ? WHERE upstream = ?`,
    );
    const correct = (total: MiscountedTotal['total']) =>
      database.prepare<[by: number]>(`UPDATE usage SET ${total} = ${total} + ?`);
    this.#correctTotal = {
      blobs: correct('blobs'),
      bytes: correct('bytes'),
      manifests: correct('manifests'),
    };
  }

  recountClaim({ repository, digest }: MiscountedClaim): void {
    this.#recountClaim.run({ repository, digest });
  }

  recountBlob({ digest }: MiscountedBlob): void {
    this.#recountBlob.run({ digest });
  }

  correctRepository({ repository, kept, counted }: MiscountedRepository): void {
    this.#correctRepository.run(counted - kept, repository);
  }

  correctUpstream({ upstream, kept, counted }: MiscountedUpstream): void {
    this.#correctUpstream.run(counted - kept, upstream);
  }

  correctTotal({ total, kept, counted }: MiscountedTotal): void {
    this.#correctTotal[total].run(counted - kept);
  }
}
