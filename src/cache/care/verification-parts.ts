import type { Clock } from '../../base/clock.ts';
import type { ContentStore } from '../../store/content-store.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import type { InUse } from '../in-use.ts';
import type { Evictor } from '../space/evictor.ts';
import type { Remover } from '../space/remover.ts';
import type { BlobChecker } from './blob-checker.ts';
import type { ImageNames } from './image-names.ts';

/** What a verification works with. */
export interface VerificationParts {
  readonly content: ContentStore;
  readonly metadata: MetadataStore;
  readonly evictor: Pick<Evictor, 'remove'>;
  readonly remover: Pick<Remover, 'workOff'>;
  readonly blobs: BlobChecker;
  readonly names: ImageNames;
  readonly inUse: InUse;
  readonly clock: Clock;
}
