import type { FileHandle } from 'node:fs/promises';
import type { BlobReader, Loan } from '../content-store.ts';
import { readError } from '../file-error.ts';
import { StoreError } from '../store-error.ts';
import type { SharedChunks } from './shared-chunks.ts';
import { SharedReader } from './shared-reader.ts';

/** A committed blob's file, open for reading. A FileHandle closes only after the reads under way on it. */
export class FileBlobReader implements BlobReader {
  readonly size: number;
  readonly #file: FileHandle;
  readonly #shared: SharedReader;

  private constructor(file: FileHandle, size: number, name: string, chunks: SharedChunks) {
    this.size = size;
    this.#file = file;
    const read = this.#read.bind(this);
    this.#shared = new SharedReader({ name, length: size, grows: false, read }, chunks);
  }

  /** Takes over an open file. Rejects with the system's error; the file is then still the caller's. */
  static async over(file: FileHandle, chunks: SharedChunks): Promise<FileBlobReader> {
    const { dev, ino, size, mtimeNs } = await file.stat({ bigint: true });
    return new FileBlobReader(file, Number(size), `${dev} ${ino} ${size} ${mtimeNs}`, chunks);
  }

  read(buffer: Uint8Array, length: number, position: number): Promise<number> {
    return this.#shared.read(buffer, length, position);
  }

  borrow(length: number, position: number): Promise<Loan | undefined> {
    return this.#shared.borrow(length, position);
  }

  async close(): Promise<void> {
    this.#shared.close();
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
