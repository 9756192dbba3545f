import type { FileHandle } from 'node:fs/promises';
import type { BlobReader } from '../content-store.ts';
import { readError } from '../file-error.ts';
import { StoreError } from '../store-error.ts';

/** A committed blob's file, open for reading. A FileHandle closes only after the reads under way on it. */
export class FileBlobReader implements BlobReader {
  readonly size: number;
  readonly #file: FileHandle;

  constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.size = size;
  }

  async read(buffer: Uint8Array, length: number, position: number): Promise<number> {
    const wanted = Math.min(length, this.size - position);
    if (wanted <= 0) return 0;
    const { bytesRead } = await this.#file.read(buffer, 0, wanted, position).catch((cause: unknown) => {
      throw readError('reading a blob', cause);
    });
    // 0 means the end to the caller, who would take a blob cut short on disk for a whole one.
    if (bytesRead === 0) throw new StoreError('IO', 'the blob is shorter on disk than it was');
    return bytesRead;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
