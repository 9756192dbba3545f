import { careContract } from './content-store/care.ts';
import { committedContract } from './content-store/committed.ts';
import { ingestContract } from './content-store/ingest.ts';
import { partialContract } from './content-store/partial.ts';
import { removalContract } from './content-store/removal.ts';
import type { MakeContentStore } from './content-store/subject.ts';

/** What every content store must do; `make` is called for each test. */
export function contentStoreContract(make: MakeContentStore): void {
  committedContract(make);
  ingestContract(make);
  partialContract(make);
  removalContract(make);
  careContract(make);
}
