import type { Loan, Reading } from '../content-store.ts';
import type { SharedChunks } from './shared-chunks.ts';

/** A file that has several readers. */
export interface SharedFile {
  /** Files with the same name have the same bytes; one that begins anew has another name from then on. */
  readonly name: string;
  /** Bytes from the front that can be read now. */
  readonly length: number;
  /** Whether there will be more. */
  readonly grows: boolean;
  /** Reads up to `length` bytes from `position` to `buffer` at `offset`. Returns how many: 0 at the end. */
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<number>;
}

/** One of the readers of a file: what one of them has read, the others are lent. */
export class SharedReader implements Reading {
  readonly #file: SharedFile;
  readonly #name: string;
  readonly #chunks: SharedChunks;

  constructor(file: SharedFile, chunks: SharedChunks) {
    this.#file = file;
    this.#name = file.name;
    this.#chunks = chunks;
    chunks.enter(this.#name);
  }

  async read(buffer: Uint8Array, length: number, position: number): Promise<number> {
    return this.#file.read(buffer, 0, this.#chunks.apart(this.#name, length, position), position);
  }

  async borrow(length: number, position: number): Promise<Loan | undefined> {
    const file = this.#file;
    if (file.name !== this.#name) return undefined;
    // A chunk that is not all there would be kept without its end.
    if (file.grows && this.#chunks.endOf(position) > file.length) return undefined;
    return this.#chunks.lend(this.#name, length, position, async (buffer, start) => {
      const wanted = Math.min(buffer.length, file.length - start);
      let count = 0;
      while (count < wanted) {
        const read = await file.read(buffer, count, wanted - count, start + count);
        // What was read in vain is not kept; who reads for itself now learns more.
        if (read === 0 || file.name !== this.#name) throw new Error('the file is not what it was');
        count += read;
      }
      return count;
    });
  }

  /** To be called once. */
  close(): void {
    this.#chunks.leave(this.#name);
  }
}
