import type { FileHandle } from 'node:fs/promises';
import type { BlobReader, Loan } from '../content-store.ts';
import { readError } from '../file-error.ts';
import { StoreError } from '../store-error.ts';
import type { SharedChunks } from './shared-chunks.ts';

/** A committed blob's file, open for reading. A FileHandle closes only after the reads under way on it. */
export class FileBlobReader implements BlobReader {
  readonly size: number;
  readonly #file: FileHandle;
  readonly #identity: string;
  readonly #chunks: SharedChunks;

  private constructor(file: FileHandle, size: number, identity: string, chunks: SharedChunks) {
    this.size = size;
    this.#file = file;
    this.#identity = identity;
    this.#chunks = chunks;
    chunks.enter(identity);
  }

  /** Takes over an open file. Rejects with the system's error; the file is then still the caller's. */
  static async over(file: FileHandle, chunks: SharedChunks): Promise<FileBlobReader> {
    const { dev, ino, size, mtimeNs } = await file.stat({ bigint: true });
    return new FileBlobReader(file, Number(size), `${dev} ${ino} ${size} ${mtimeNs}`, chunks);
  }

  async read(buffer: Uint8Array, length: number, position: number): Promise<number> {
    return this.#read(buffer, 0, this.#chunks.apart(this.#identity, length, position), position);
  }

  borrow(length: number, position: number): Promise<Loan | undefined> {
    return this.#chunks.lend(this.#identity, length, position, async (buffer, start) => {
      const wanted = Math.min(buffer.length, this.size - start);
      let count = 0;
      while (count < wanted) count += await this.#read(buffer, count, wanted - count, start + count);
      return count;
    });
  }

  async close(): Promise<void> {
    this.#chunks.leave(this.#identity);
    await this.#file.close();
  }

  async #read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    const wanted = Math.min(length, this.size - position);
    if (wanted <= 0) return 0;
    const { bytesRead } = await this.#file.read(buffer, offset, wanted, position).catch((cause: unknown) => {
      throw readError('reading a blob', cause);
    });
    // 0 means the end to the caller, who would take a blob cut short on disk for a whole one.
    if (bytesRead === 0) throw new StoreError('IO', 'the blob is shorter on disk than it was');
    return bytesRead;
  }
}
