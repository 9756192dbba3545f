import type { Digest } from '../oci/digest.ts';

/** A blob, whole or in part. */
export interface StoredBlob {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

export interface PartialBlob extends StoredBlob {
  /** When it was last written to, in ms since epoch. */
  readonly writtenAt: number;
}

export interface QuarantinedBlob extends StoredBlob {
  /** When it was taken out of use, in ms since epoch. */
  readonly quarantinedAt: number;
}

/** The state of a committed blob's bytes. A blob that is cut short, or unreadable, is damaged. */
export type VerifyResult = 'intact' | 'damaged' | 'missing';

export interface VerifyOptions {
  /** Cancels: rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Unlimited by default. */
  readonly bytesPerSecond?: number;
  /** Told the number of bytes read since the last call. */
  readonly onBytes?: (bytes: number) => void;
}

/** Capacity of the volume that blobs are stored on. */
export interface Room {
  /** Bytes in all. */
  readonly size: number;
  /** Bytes that this process may still write. */
  readonly free: number;
  /** Inodes in all; 0 where the file system does not count them. */
  readonly files: number;
  /** Inodes left; meaningless when `files` is 0. */
  readonly freeFiles: number;
}

/**
 * Blobs, addressed by digest. Nothing here implies files: an object store would do. The bytes of a committed
 * blob hashed to its digest when they were written. Rejects with {@link StoreError}.
 */
export interface ContentStore {
  /** Removals and quarantines begun so far: while unchanged, a blob opened before can be opened again. */
  readonly removals: number;
  /** Size in bytes of a committed blob, or undefined when there is none. */
  size(digest: Digest): Promise<number | undefined>;
  /** A committed blob, or undefined when there is none. */
  open(digest: Digest): Promise<BlobReader | undefined>;
  /**
   * Starts or resumes writing a blob. A partial blob, left by a crash or {@link Ingest.suspend}, is hashed
   * again and resumed at its `offset`; a committed one is reused if intact. Waits for a pending removal of
   * that digest.
   * @throws {StoreError} `INGEST_BUSY` while another ingest of that digest is open
   */
  ingest(digest: Digest): Promise<Ingest>;
  /** Resolves once no ingest of that digest is open; never rejects. */
  settled(digest: Digest): Promise<void>;
  /**
   * Removes a committed blob. It is invisible from the call on; open readers finish undisturbed. False when
   * there was none, or while an ingest of that digest is open.
   */
  remove(digest: Digest): Promise<boolean>;
  /** All committed blobs, in no order. */
  list(): AsyncIterable<StoredBlob>;

  /**
   * Blobs for which {@link recorded} was not called: those left by a crash, and those being committed right
   * now.
   */
  unrecorded(): Promise<readonly Digest[]>;
  /** The blob is in the metadata now: a crash cannot lose it any more. */
  recorded(digest: Digest): Promise<void>;

  /** The partial blobs, with the bytes that they hold. */
  listPartial(): AsyncIterable<PartialBlob>;
  /** Removes a partial blob. False when there was none, or while an ingest of that digest is open. */
  removePartial(digest: Digest): Promise<boolean>;
  /**
   * Removes partial blobs that are not open and were last written before `before` (ms since epoch). Says how
   * many.
   */
  removePartials(before: number): Promise<number>;

  /** Hashes a committed blob, off the main thread, one at a time. */
  verify(digest: Digest, options?: VerifyOptions): Promise<VerifyResult>;
  /** Takes a blob out of use but keeps its bytes for inspection. False as in {@link remove}. */
  quarantine(digest: Digest): Promise<boolean>;
  /** The blobs that were taken out of use. */
  listQuarantined(): AsyncIterable<QuarantinedBlob>;
  /** Removes blobs quarantined before `before` (ms since epoch). Says how many. */
  removeQuarantined(before: number): Promise<number>;

  room(): Promise<Room>;
  /** Rejects unless a small blob can be written durably. */
  check(): Promise<void>;
  /** Reserves disk space for {@link spendReserve}, unless it is there. False when too little is left. */
  keepReserve(): Promise<boolean>;
  /** Frees the reserved disk space. False when there is none. */
  spendReserve(): Promise<boolean>;
  close(): Promise<void>;
}

/** Shared bytes: read-only, and valid until released. */
export interface Loan {
  readonly bytes: Buffer;
  /** To be called once. */
  release(): void;
}

/** Random access to bytes. Several reads may be under way at once. */
export interface Reading {
  /**
   * Reads up to `length` bytes from `position` into the front of `buffer`.
   * Resolves to the number of bytes read: 0 only at the end.
   */
  read(buffer: Uint8Array, length: number, position: number): Promise<number>;
  /**
   * Up to `length` shared bytes from `position`, none after the end. Undefined when {@link read} has to be
   * used.
   */
  borrow(length: number, position: number): Promise<Loan | undefined>;
}

/** A committed blob. */
export interface BlobReader extends Reading {
  /** Bytes in all. */
  readonly size: number;
  /** To be called once, with no read or borrow pending. Loans stay valid. */
  close(): Promise<void>;
}

/** Reads a blob while it is written. */
export interface IngestReader extends Reading {
  /** To be called once, before the ingest is closed. Loans stay valid. */
  close(): void;
}

/**
 * A blob being written. Bytes up to {@link offset} can be read at once; they become a blob through {@link
 * commit}. Reads stay valid across commit, until {@link close}.
 */
export interface Ingest {
  readonly digest: Digest;
  /** Bytes written and hashed so far. */
  readonly offset: number;
  /** Appends all chunks in order; resolves when {@link offset} is behind them. One call at a time. */
  write(chunks: readonly Uint8Array[]): Promise<void>;
  reader(): IngestReader;
  /** Whether the bytes so far hash to the digest. */
  matches(): boolean;
  /**
   * Makes the bytes a blob, durably. A failure to rename keeps them for another try.
   * @throws {StoreError} `DIGEST_MISMATCH` when they do not hash to the digest; the partial blob is then gone
   */
  commit(): Promise<void>;
  /** Deletes the bytes. Reading stays possible until {@link close}. */
  discard(): Promise<void>;
  /** Deletes the bytes and starts again at offset 0. */
  restart(): Promise<void>;
  /** Ends writing and keeps the bytes for a later {@link ContentStore.ingest}. */
  suspend(): Promise<void>;
  /** To be called once, after the last read. Suspends unless the ingest has ended. */
  close(): Promise<void>;
}
