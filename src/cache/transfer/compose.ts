import type { Clock } from '../../base/clock.ts';
import type { ContentStore } from '../../store/content-store.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import { ImageNames, type RepositoryNames } from '../care/image-names.ts';
import { Allowance } from '../care/import/allowance.ts';
import type { Space } from '../space/compose.ts';
import type { Quota, SpaceLimits } from '../space/limits.ts';
import { BlobSink } from './blob-sink.ts';
import type { ContentSink } from './content-sink.ts';
import { ImageSink } from './image-sink.ts';
import type { ImageSource } from './image-source.ts';
import { LocalImageSource } from './local-image-source.ts';
import { verifySeal } from './seal.ts';
import type { SealEvent, SealRequest } from './seal-schemas.ts';

export interface TransferDeps {
  readonly names: RepositoryNames;
  readonly content: ContentStore;
  readonly metadata: MetadataStore;
  readonly space: Space;
  readonly limits: SpaceLimits;
  readonly quotas: readonly Quota[];
  readonly clock: Clock;
}

/** What moves content between this cache and an archive or another registry. */
export interface Transfer {
  readonly source: ImageSource;
  readonly sink: ContentSink;
  /** Verifies that images are whole: see {@link verifySeal}. */
  verifySeal(request: SealRequest): AsyncIterable<SealEvent>;
}

/** In the process that has the data folder. */
export function composeTransfer({ names, space, limits, ...deps }: TransferDeps): Transfer {
  const { evictions } = deps.metadata;
  const allowance = new Allowance({ ...deps, ...limits, evictions });
  const parts = { ...deps, ...space, allowance, routing: names, names: new ImageNames(names) };
  const blobs = new BlobSink(parts);
  const images = new ImageSink(parts);
  const source = new LocalImageSource(parts);
  return {
    source,
    verifySeal: (request) => verifySeal({ ...deps, source }, request),
    sink: {
      lacking: (repository, wanted) => blobs.lacking(repository, wanted),
      putBlob: (blob, bytes) => blobs.putBlob(blob, bytes),
      putImage: (image) => images.putImage(image),
    },
  };
}
