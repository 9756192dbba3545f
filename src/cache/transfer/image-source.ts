import type { Digest } from '../../oci/digest.ts';
import type { ImagesItem, ImagesRequest } from './schemas.ts';

/** The bytes of a manifest or blob from an offset to its end. They are not verified. */
export interface ByteSource extends AsyncDisposable {
  /** Bytes from the beginning to the end of the content. */
  readonly size: number;
  /** Puts what comes next into the front of `buffer`. Resolves to the number of bytes: 0 only at the end. */
  read(buffer: Uint8Array): Promise<number>;
}

/**
 * Where images are read from. Rejects with CareError, or with StoreError where the stores are this process's
 * own.
 */
export interface ImageSource {
  /**
   * What the images consist of, in the order in which they are asked for; then null now and then. What has
   * been yielded is kept from eviction until the iteration is left. Rejects with kind `invalid` for what is no
   * image.
   */
  images(request: ImagesRequest): AsyncIterable<ImagesItem>;
  /** A manifest or blob, whatever repository has it. Undefined when it is not cached. */
  open(digest: Digest, offset?: number): Promise<ByteSource | undefined>;
}
