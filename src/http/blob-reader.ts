import type { BlobAnswer, Loan } from '../mirror/mirror.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { Part } from './content.ts';

/** Bytes of a blob, and the text that goes before them. */
export interface Chunk {
  readonly prefix: string;
  readonly loan: Loan;
}

/** A blob that ends before the size it stated. */
class ShortBlobError extends Error {
  override readonly name = 'ShortBlobError';
  readonly code = 'SHORT_BLOB';
}

/** Read at once of a blob that is still arriving: most of it is borrowed, perhaps by very many readers. */
const arrivingBytes = 512 * 1024;

/** Reads parts of a blob, a chunk at a time, into buffers of a pool unless the bytes are in memory anyway. */
export class BlobReader implements Disposable {
  readonly #blob: BlobAnswer;
  readonly #parts: Iterator<Part>;
  readonly #buffers: BufferPool;
  readonly #maxBytes: number;
  /** Goes before the next chunk. */
  #prefix = '';
  #position = 0;
  /** Where the part ends. */
  #end = 0;

  /** @param parts in the order in which they are read */
  constructor(blob: BlobAnswer, parts: Iterable<Part>, buffers: BufferPool) {
    this.#blob = blob;
    this.#parts = parts[Symbol.iterator]();
    this.#buffers = buffers;
    this.#maxBytes = blob.result === 'hit' ? Infinity : arrivingBytes;
    buffers.enter();
  }

  [Symbol.dispose](): void {
    this.#buffers.leave();
  }

  /** Whether there is a {@link next}. */
  more(): boolean {
    while (this.#position >= this.#until) {
      const following = this.#parts.next();
      if (following.done === true) return false;
      const { prefix, range } = following.value;
      this.#prefix = prefix;
      this.#position = range.start;
      this.#end = range.end;
    }
    return true;
  }

  /** The next chunk, to be released once it is sent. */
  async next(): Promise<Chunk> {
    const prefix = this.#prefix;
    this.#prefix = '';
    const wanted = this.#end - this.#position;
    const loan =
      (await this.#blob.borrow(wanted, this.#position)) ??
      (await this.#read(Math.min(wanted, this.#maxBytes)));
    this.#position += loan.bytes.length;
    return { prefix, loan };
  }

  async #read(wanted: number): Promise<Loan> {
    const buffer = this.#buffers.acquire(wanted);
    const release = (): void => this.#buffers.release(buffer);
    try {
      const position = this.#position;
      const count = await this.#blob.read(buffer, Math.min(buffer.length, wanted), position);
      if (count === 0 && position < this.#until)
        throw new ShortBlobError(`the blob ended at byte ${position} of ${this.#until}`);
      return { bytes: buffer.subarray(0, count), release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Where the part ends, or the blob where that comes first: its size may become known only on the way. */
  get #until(): number {
    return Math.min(this.#end, this.#blob.size ?? Infinity);
  }
}
