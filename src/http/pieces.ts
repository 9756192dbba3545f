import type { BlobAnswer, Loan } from '../mirror/mirror.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { Part } from './content.ts';

/** Bytes of a blob, and the text that goes before them. */
export interface Piece {
  readonly lead: string;
  readonly loan: Loan;
}

export interface PiecesOptions {
  readonly blob: BlobAnswer;
  /** In the order in which they are read. */
  readonly parts: Iterable<Part>;
  readonly buffers: BufferPool;
}

/** A blob that ends before the size it stated. */
class ShortBlobError extends Error {
  override readonly name = 'ShortBlobError';
  readonly code = 'SHORT_BLOB';
}

/**
 * What is read at a time of a blob that is still arriving, in bytes: most of it is borrowed, and there may be
 * very many readers.
 */
const arrivingBytes = 512 * 1024;

/** Reads parts of a blob, a piece at a time. */
export class Pieces {
  readonly #blob: BlobAnswer;
  readonly #parts: Iterator<Part>;
  readonly #buffers: BufferPool;
  readonly #atATime: number;
  /** Goes before the next piece. */
  #lead = '';
  #position = 0;
  /** Where the part ends. */
  #end = 0;

  constructor({ blob, parts, buffers }: PiecesOptions) {
    this.#blob = blob;
    this.#parts = parts[Symbol.iterator]();
    this.#buffers = buffers;
    this.#atATime = blob.result === 'hit' ? Infinity : arrivingBytes;
  }

  /** Whether there is a {@link next}. */
  more(): boolean {
    while (this.#position >= this.#until) {
      const following = this.#parts.next();
      if (following.done === true) return false;
      const { lead, span } = following.value;
      this.#lead = lead;
      this.#position = span.start;
      this.#end = span.end;
    }
    return true;
  }

  /** The next piece, to be given back once it is sent. */
  async next(): Promise<Piece> {
    const lead = this.#lead;
    this.#lead = '';
    const wanted = this.#end - this.#position;
    const loan =
      (await this.#blob.borrow(wanted, this.#position)) ??
      (await this.#read(Math.min(wanted, this.#atATime)));
    this.#position += loan.bytes.length;
    return { lead, loan };
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

  /** Where the part ends, or the blob where that comes first: its size may come to be known only on the way. */
  get #until(): number {
    return Math.min(this.#end, this.#blob.size ?? Infinity);
  }
}
