import { StoreError } from '../../store/store-error.ts';
import { BlobVerification } from './blob-verification.ts';
import { RecordVerification } from './record-verification.ts';
import type { VerificationParts } from './verification-parts.ts';
import type { VerifyEvent, VerifyOptions } from './verify-events.ts';
import { VerifyTotals } from './verify-totals.ts';

/**
 * Holds all that is on the disk against all that the database says, both ways. What others pull and evict meanwhile is no
 * finding. With `repair` what is damaged is put aside, rows without bytes go, bytes without a row get one, and accounts
 * are put right; without it nothing changes. Yields what it finds, and in the end a report. Rejects with StoreError;
 * ending the iteration ends the work.
 */
export async function* verification(
  parts: VerificationParts,
  { repair }: VerifyOptions,
): AsyncGenerator<VerifyEvent> {
  const totals = new VerifyTotals();
  const blobs = new BlobVerification(parts, totals, repair);
  const records = new RecordVerification(parts, totals, repair);
  // A database that is damaged can often be read in part.
  const readable = async function* (what: string, events: AsyncGenerator<VerifyEvent>) {
    try {
      yield* events;
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'CORRUPT') throw error;
      yield totals.finding({
        kind: 'database',
        loss: true,
        detail: `${what} cannot be read: ${error.message}`,
      });
    }
  };
  yield* readable('the database', records.database());
  yield* readable('the list of blobs', blobs.held());
  yield* readable('what is known of files', blobs.files());
  yield* readable('the list of manifests', records.manifests());
  yield* readable('tags and accounts', records.consistency());
  yield* readable('the list of what was evicted', records.leftovers());
  yield totals.progress();
  yield totals.report();
}
