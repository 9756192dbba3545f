import type { BlobReader, IngestReader, Loan } from '../store/content-store.ts';
import type { Fill } from './fill.ts';
import { PassthroughReader } from './passthrough-reader.ts';
import { ResumableBlob, type ResumableBlobOptions } from './resumable-blob.ts';

/** Where a client's bytes come from. */
export interface BlobSource {
  /** Reads into the front of `buffer`; waits for bytes to come; 0 at the end. */
  read(buffer: Uint8Array, length: number, position: number): Promise<number>;
  /** As BlobAnswer.borrow. */
  borrow(length: number, position: number): Promise<Loan | undefined>;
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
  readonly #passthrough: Omit<ResumableBlobOptions, 'size' | 'signal'>;
  readonly #cancelling = new AbortController();
  /** The size that the client was told, in bytes. Bytes beyond it are not the blob's: its hash will not match. */
  statedSize: number | undefined;
  /** For what is no longer in memory. */
  #stored: IngestReader | undefined;
  #own: PassthroughReader | undefined;
  #waitedMs = 0;

  constructor(fill: Fill, passthrough: Omit<ResumableBlobOptions, 'size' | 'signal'>) {
    this.#fill = fill;
    this.#passthrough = passthrough;
    fill.acquire();
  }

  get waitedMs(): number {
    return this.#waitedMs;
  }

  async read(buffer: Uint8Array, length: number, position: number): Promise<number> {
    const end = await this.#arrived(position);
    if (end !== undefined) {
      return (await this.#behind()?.read(buffer, Math.min(length, end - position), position)) ?? 0;
    }
    if (this.#own !== undefined && position < this.#own.position) {
      // What has gone by is kept nowhere.
      await this.#own.close();
      this.#own = undefined;
    }
    this.#own ??= this.#fetchAlone();
    return this.#timed(this.#own.read(buffer, length, position));
  }

  async borrow(length: number, position: number): Promise<Loan | undefined> {
    const end = await this.#arrived(position);
    if (end === undefined) return undefined;
    const wanted = Math.min(length, end - position);
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
    while (!this.#fill.detached) {
      this.#cancelling.signal.throwIfAborted();
      const { verified } = this.#fill;
      const readable = this.#fill.readable();
      if (position < readable || verified) return readable;
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

  #fetchAlone(): PassthroughReader {
    const size = this.statedSize;
    const blob = new ResumableBlob(0, { ...this.#passthrough, size, signal: this.#cancelling.signal });
    return new PassthroughReader(this.#fill.digest, blob);
  }
}
