import { StoreError } from '../../store/store-error.ts';
import { BlobVerifier, type BlobVerifierDeps } from './blob-verifier.ts';
import { RecordVerifier, type RecordVerifierDeps } from './record-verifier.ts';
import type { VerifyEvent, VerifyOptions } from './schemas.ts';
import { VerifyTotals } from './verify-totals.ts';

export type VerifyDeps = BlobVerifierDeps & RecordVerifierDeps;

/**
 * Compares disk and database, both ways, while pulls and evictions go on. With `repair`, damaged content is
 * put aside, rows without bytes are removed, bytes without a row get one, and accounts are corrected. Rejects
 * with StoreError.
 */
export async function* verify(deps: VerifyDeps, { repair }: VerifyOptions): AsyncGenerator<VerifyEvent> {
  const totals = new VerifyTotals();
  const blobs = new BlobVerifier(deps, totals, repair);
  const records = new RecordVerifier(deps, totals, repair);
  const steps: readonly (readonly [what: string, events: AsyncGenerator<VerifyEvent>])[] = [
    ['the database', records.database()],
    ['the list of blobs', blobs.recorded()],
    ['what is known of files', blobs.orphans()],
    ['the list of manifests', records.manifests()],
    ['tags and accounts', records.consistency()],
    ['the list of what was evicted', records.leftovers()],
  ];
  for (const [what, events] of steps) {
    try {
      yield* events;
    } catch (error) {
      // A corrupt database can often be read in part.
      if (!(error instanceof StoreError) || error.code !== 'CORRUPT') throw error;
      const detail = `${what} cannot be read: ${error.message}`;
      yield totals.finding({ kind: 'database', loss: true, detail });
    }
  }
  yield totals.progress();
  yield totals.report();
}
