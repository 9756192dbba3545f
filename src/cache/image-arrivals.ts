import type { Digest } from '../oci/digest.ts';
import type { Repository, Tag } from '../oci/reference.ts';

/** What was stored in a repository other than by a pull. */
export interface ImageArrival {
  readonly repository: Repository;
  /** Tags that may have moved. */
  readonly tags: readonly Tag[];
  /** Blobs that are confirmed to be the repository's. */
  readonly blobs: readonly Digest[];
}

/** Tells those who remember the database's contents what was stored behind their backs. */
export class ImageArrivals {
  #listener: (arrival: ImageArrival) => void = () => undefined;

  onArrival(listener: (arrival: ImageArrival) => void): void {
    this.#listener = listener;
  }

  announce(arrival: ImageArrival): void {
    this.#listener(arrival);
  }
}
