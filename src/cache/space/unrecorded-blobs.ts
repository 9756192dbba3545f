import type { ContentStore } from '../../store/content-store.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import type { InUse } from '../in-use.ts';

interface UnrecordedBlobsDeps {
  readonly content: Pick<ContentStore, 'unrecorded' | 'size' | 'recorded'>;
  readonly metadata: Pick<MetadataStore, 'blob' | 'adoptBlob'>;
  readonly inUse: InUse;
}

/** Gives rows to blobs whose bytes were committed just before a crash. Rejects with StoreError. */
export async function adoptUnrecordedBlobs(
  { content, metadata, inUse }: UnrecordedBlobsDeps,
  signal: AbortSignal,
): Promise<void> {
  for (const digest of await content.unrecorded()) {
    if (signal.aborted) return;
    // A fill of it is under way, and writes the row itself.
    if (inUse.has(digest)) continue;
    using _ = inUse.hold(digest);
    const size = await content.size(digest);
    if (size !== undefined && (await metadata.blob(digest)) === undefined) {
      await metadata.adoptBlob(digest, size);
    }
    await content.recorded(digest);
  }
}
