import type { BlobReader, IngestReader, Loan } from '../../store/content-store.ts';
import { heldBackBytes, type Fill } from '../fill/fill.ts';
import { PassthroughReader, wrongSize } from '../fill/passthrough-reader.ts';
import { ResumableBlob, type ResumableBlobOptions } from '../fill/resumable-blob.ts';
import { PassthroughRangeReader } from '../fill/passthrough-range-reader.ts';

/** Where a client's bytes come from. */
export interface BlobSource {
  /** Reads into the front of `buffer`; waits for bytes to come; 0 at the end. */
  read(buffer: Uint8Array, length: number, position: number): Promise<number>;
  /** As BlobAnswer.borrow. */
  borrow(length: number, position: number): Promise<Loan | undefined>;
  /** Bytes in all; undefined as long as that is in doubt. */
  readonly size: number | undefined;
  /**
   * Resolves to the same as far as upstream states it, else once it is known; undefined where it cannot be
   * before the end.
   */
  measured(): Promise<number | undefined>;
  /** Milliseconds that reads have waited for upstream so far. */
  readonly waitedMs: number;
  /** Lets a waiting read go, which then rejects. */
  cancel(): void;
  /** Called once, with no read under way. */
  close(): Promise<void>;
}

/** A committed blob. */
export class StoredSource implements BlobSource {
  readonly waitedMs = 0;
  readonly #reader: BlobReader;

  constructor(reader: BlobReader) {
    this.#reader = reader;
  }

  get size(): number {
    return this.#reader.size;
  }

  measured(): Promise<number> {
    return Promise.resolve(this.size);
  }

  read(buffer: Uint8Array, length: number, position: number): Promise<number> {
    return this.#reader.read(buffer, length, position);
  }

  borrow(length: number, position: number): Promise<Loan | undefined> {
    return this.#reader.borrow(length, position);
  }

  cancel(): void {
    // A read of what is on disk ends by itself.
  }

  close(): Promise<void> {
    return this.#reader.close();
  }
}

/** A blob that is arriving: follows its fill, and fetches for itself should the store fail underneath. */
export class FillSource implements BlobSource {
  readonly #fill: Fill;
  readonly #passthrough: Omit<ResumableBlobOptions, 'signal'>;
  readonly #cancelling = new AbortController();
  /** The size that the client is told, in bytes. If the blob turns out to have another, its end never goes out. */
  promised: number | undefined;
  /** For what is no longer in memory. */
  #stored: IngestReader | undefined;
  #own: PassthroughReader | PassthroughRangeReader | undefined;
  /** Where the client began to read. */
  #begun: number | undefined;
  #waitedMs = 0;

  constructor(fill: Fill, passthrough: Omit<ResumableBlobOptions, 'signal'>) {
    this.#fill = fill;
    this.#passthrough = passthrough;
    fill.acquire();
  }

  get waitedMs(): number {
    return this.#waitedMs;
  }

  get size(): number | undefined {
    return this.promised ?? this.#fill.length.verified ?? this.#own?.size;
  }

  async measured(): Promise<number | undefined> {
    if (this.promised !== undefined) return this.promised;
    try {
      this.promised = await this.#timed(this.#fill.length.told);
    } catch (error) {
      if (!this.#fill.detached) throw error;
    }
    return this.promised;
  }

  async read(buffer: Uint8Array, length: number, position: number): Promise<number> {
    const end = await this.#arrived(position);
    if (end !== undefined) {
      return (await this.#behind()?.read(buffer, Math.min(length, end - position), position)) ?? 0;
    }
    if (this.#own?.canReach(position) === false) {
      // What has gone by is kept nowhere.
      await this.#own.close();
      this.#own = undefined;
    }
    this.#own ??= this.#fetchAlone(position);
    return this.#timed(this.#own.read(buffer, length, position));
  }

  async borrow(length: number, position: number): Promise<Loan | undefined> {
    const end = await this.#arrived(position);
    if (end === undefined) return undefined;
    const wanted = Math.min(length, end - position);
    if (wanted <= 0) return undefined;
    return this.#fill.borrow(wanted, position) ?? (await this.#behind()?.borrow(wanted, position));
  }

  cancel(): void {
    this.#cancelling.abort(new Error('the reader has left'));
    this.#fill.wake();
  }

  async close(): Promise<void> {
    await this.#own?.close();
    this.#stored?.close();
    await this.#fill.release();
  }

  #behind(): IngestReader | undefined {
    this.#stored ??= this.#fill.reader();
    return this.#stored;
  }

  /** Waits until the byte at `position` may go out, or none is to come. Resolves to where such bytes end; undefined when the fill has let go of its readers. */
  async #arrived(position: number): Promise<number | undefined> {
    this.#begun ??= position;
    while (!this.#fill.detached) {
      this.#cancelling.signal.throwIfAborted();
      const { verified } = this.#fill.length;
      if (verified !== undefined && verified !== (this.promised ?? verified)) throw wrongSize();
      const readable = this.#fill.readable();
      if (position < readable || verified !== undefined) return readable;
      await this.#timed(this.#fill.progress());
    }
    return undefined;
  }

  async #timed<T>(wait: Promise<T>): Promise<T> {
    const { clock } = this.#passthrough;
    const startedAt = clock.monotonic();
    try {
      return await wait;
    } finally {
      this.#waitedMs += clock.monotonic() - startedAt;
    }
  }

  /** The whole, to be verified; or a stretch from `position` on, for a client that wants only a part from the middle. */
  #fetchAlone(position: number): PassthroughReader | PassthroughRangeReader {
    const from = (offset: number): ResumableBlob =>
      new ResumableBlob(offset, { ...this.#passthrough, signal: this.#cancelling.signal });
    const end = (this.promised ?? 0) - heldBackBytes;
    return this.#begun !== 0 && position < end
      ? new PassthroughRangeReader(from(position), position, end)
      : new PassthroughReader(this.#fill.digest, from(0), this.promised);
  }
}
