import type * as schemas from './schemas.ts';

/**
 * What commands do with the cache, in the process that has the data folder. Ending an iteration early ends
 * the work behind it. Everything rejects with CareError, or with StoreError where the stores are this
 * process's own.
 */
export interface Caretaker {
  /** Cached images by upstream, repository and tag, untagged root manifests included. */
  images(options?: schemas.ImagesOptions): AsyncIterable<schemas.ImageListing>;
  /** What each repository takes up, by upstream and name, and the total at the end. */
  usage(): AsyncIterable<schemas.UsageListing>;
  /**
   * Removes an image: `nginx` (its tag `latest`), `node:20`, `ghcr.io/owner/app:1`, `repository@sha256:…`.
   * What other images share with it stays. Rejects with kind `pinned` while a pattern protects it.
   */
  remove(image: string): Promise<schemas.RemovalReport>;
  /** Removes the least recently used images until every condition holds, and yields each. */
  prune(options: schemas.PruneOptions): AsyncIterable<schemas.PrunedImage>;
  /** Exempts images that match `pattern` from eviction, until {@link unpin}. Idempotent. */
  pin(pattern: string): Promise<void>;
  /** False when there was no such pin. Rejects with kind `invalid` for one of the configuration. */
  unpin(pattern: string): Promise<boolean>;
  pins(): Promise<readonly schemas.PinListing[]>;
  stats(): Promise<schemas.Stats>;
  /** Hashes everything that is cached, and compares files and database both ways. */
  verify(options: schemas.VerifyOptions): AsyncIterable<schemas.VerifyEvent>;
  /** Takes over what a registry:2 has in `folder`. */
  importRegistry(options: schemas.ImportOptions): AsyncIterable<schemas.ImportEvent>;
}
