import { registryErrors } from '../../oci/error.ts';
import type { Ingest } from '../../store/content-store.ts';
import { UpstreamError } from '../../upstream/registry.ts';
import { OtherBytesError, type ReceivedPrefix } from './received-prefix.ts';
import { ResumableBlob, type ResumableBlobOptions } from './resumable-blob.ts';
import type { RecentBytes } from './recent-bytes.ts';

/** What {@link receive} works with. */
export interface ReceiveOptions {
  readonly ingest: Ingest;
  /** How upstream is asked. */
  readonly source: ResumableBlobOptions & { readonly prefix: ReceivedPrefix };
  /** Begins the recent bytes anew at an offset. */
  readonly recentFrom: (offset: number) => RecentBytes;
  /** Whether bytes may be out already, which then must stay as they are. */
  readonly isExposed: () => boolean;
  /** Called when upstream has begun to answer, with the size that it states. */
  readonly onAnswer: (stated: number | undefined) => void;
  /** Told the bytes of each batch that can be read from the ingest, with the size that upstream states. */
  readonly onWritten: (bytes: number, stated: number | undefined) => void;
}

/**
 * Brings a blob from upstream into an ingest, from where that is to where the bytes hash to the digest: the
 * digest alone decides where a blob ends. Rejects with UpstreamError, with RegistryError for bytes that are
 * not the blob's, which are then gone, and with StoreError.
 */
export async function receive(options: ReceiveOptions): Promise<void> {
  const { ingest, source, onAnswer, onWritten, isExposed } = options;
  const begin = (): [ResumableBlob, RecentBytes] => [
    new ResumableBlob(ingest.offset, source),
    options.recentFrom(ingest.offset),
  ];
  let [blob, recent] = begin();
  let isAnew = false;
  for (;;) {
    try {
      const bytes = blob.bytes(() => onAnswer(blob.size));
      await recent.writeTo(ingest, bytes, (count) => onWritten(count, blob.size));
    } catch (error) {
      if (error instanceof OtherBytesError) {
        if (isAnew || isExposed()) await refuse(ingest, error);
        isAnew = true;
        await ingest.restart();
        source.prefix.trust();
        [blob, recent] = begin();
        continue;
      }
      // Upstream may have promised more than there is.
      const isWhole = error instanceof UpstreamError && ingest.offset > 0 && ingest.matches();
      if (!isWhole) throw error;
    }
    if (ingest.matches()) return;
    if (blob.goesOn()) continue;
    blob.mismatched();
    await refuse(ingest, undefined);
  }
}

async function refuse(ingest: Ingest, cause: unknown): Promise<never> {
  await ingest.discard();
  throw registryErrors.badGateway('upstream sent a blob that does not match its digest', { cause });
}
