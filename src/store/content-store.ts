import type { Digest } from '../oci/digest.ts';

/**
 * Where blobs live, addressed by digest. Says nothing of files: an object store can stand behind it.
 * What {@link ContentStore.open} gives was committed: its bytes hashed to its digest when they were written.
 */
export interface ContentStore {
  /** Size in bytes of a committed blob, or undefined when there is none. */
  size(digest: Digest): Promise<number | undefined>;
  /** A committed blob, or undefined when there is none. */
  open(digest: Digest): Promise<BlobReader | undefined>;
  /**
   * Starts, or takes up again, the writing of a blob. A partial one left by a crash or by {@link Ingest.suspend} is
   * resumed: its bytes are hashed again and `offset` says how far it got.
   * @throws {StoreError} `INGEST_BUSY` while another ingest of that digest is open
   */
  ingest(digest: Digest): Promise<Ingest>;
  /** Removes a committed blob. Readers that have it open finish undisturbed. False when there was none. */
  remove(digest: Digest): Promise<boolean>;
  /** The digests of all committed blobs, with their sizes in bytes, in no order. */
  list(): AsyncIterable<{ readonly digest: Digest; readonly size: number }>;
  /** The digests of partial blobs, with the bytes that they hold. */
  listPartial(): AsyncIterable<{ readonly digest: Digest; readonly size: number }>;
  /** Removes partial blobs that nobody has open and nobody has written to since `before` (ms since epoch). Says how many. */
  removePartials(before: number): Promise<number>;
  close(): Promise<void>;
}

/** Random access to a blob. Several reads may be under way at once. */
export interface BlobReader {
  /** Bytes in all. */
  readonly size: number;
  /**
   * Reads up to `length` bytes from `position` into the front of `buffer`.
   * Resolves to the number of bytes read: 0 only at the end.
   */
  read(buffer: Uint8Array, length: number, position: number): Promise<number>;
  close(): Promise<void>;
}

/**
 * One blob being written. Written bytes can be read at once, by many, up to {@link offset}; they become a blob only
 * through {@link commit}. Reads in flight stay valid across commit, until {@link close}.
 */
export interface Ingest {
  readonly digest: Digest;
  /** Bytes written and hashed so far. */
  readonly offset: number;
  /** Appends all of `chunks` in order; resolves when {@link offset} has moved past them. One call at a time. */
  write(chunks: readonly Uint8Array[]): Promise<void>;
  /** As {@link BlobReader.read}, limited to `offset`. */
  read(buffer: Uint8Array, length: number, position: number): Promise<number>;
  /** Whether the bytes so far hash to the digest. */
  matches(): boolean;
  /**
   * Makes the bytes a blob, durably: flush, rename, flush the folder.
   * @throws {StoreError} `DIGEST_MISMATCH` when they do not hash to the digest; the partial blob is then gone
   */
  commit(): Promise<void>;
  /** Throws the bytes away. Reading stays possible until {@link close}. */
  discard(): Promise<void>;
  /** Throws the bytes away and starts again at offset 0, in place. */
  restart(): Promise<void>;
  /** Lets go of the writing side and keeps the partial bytes for a later {@link ContentStore.ingest}. */
  suspend(): Promise<void>;
  /** Frees the handle for good; to be called once, after the last read. Suspends if nothing ended the ingest before. */
  close(): Promise<void>;
}
