import type {
  ImageListing,
  ImagesOptions,
  PinListing,
  PrunedImage,
  PruneOptions,
  RemovalReport,
  UsageListing,
} from './listings.ts';
import type { ImportEvent, ImportOptions } from './import-events.ts';
import type { Stats } from './stats.ts';
import type { VerifyEvent, VerifyOptions } from './verify-events.ts';

/**
 * What people do with the cache by hand: behind every command that looks into it or changes it, in the process that owns
 * the data folder. All that goes in and comes out is JSON: numbers are bytes and milliseconds (since the epoch, where they are
 * times), what there is none of is null. Ending an iteration early ends the work behind it. Everything rejects with {@link CareError}.
 */
export interface Caretaker {
  /** What is held, by upstream, repository and tag; manifests that belong to no other and have no tag, too. */
  images(options?: ImagesOptions): AsyncIterable<ImageListing>;
  /** What each repository takes up, by upstream and name, and in the end what all of them do. */
  usage(): AsyncIterable<UsageListing>;
  /**
   * Removes an image, written as people write it: `nginx` (its tag `latest`), `node:20`, `ghcr.io/owner/app:1`,
   * `repository@sha256:…`. What other images share with it stays. Rejects with kind `pinned` while a pattern protects it.
   */
  remove(image: string): Promise<RemovalReport>;
  /** Removes images, least recently used first, until every condition holds; each is told when it has gone. */
  prune(options: PruneOptions): AsyncIterable<PrunedImage>;
  /** Exempts what matches `pattern` from eviction, until {@link unpin}. Again changes nothing. */
  pin(pattern: string): Promise<void>;
  /** False when there was no such pin. Rejects with kind `invalid` for one that the configuration holds. */
  unpin(pattern: string): Promise<boolean>;
  pins(): Promise<readonly PinListing[]>;
  stats(): Promise<Stats>;
  /** Hashes everything that is held, and compares files and database both ways; the last event is the report. */
  verify(options: VerifyOptions): AsyncIterable<VerifyEvent>;
  /** Takes over what a registry:2 holds in `folder`; the last event is the report. */
  importRegistry(options: ImportOptions): AsyncIterable<ImportEvent>;
}
