import { createHash } from 'node:crypto';
import { mkdtemp, open, rm, statfs, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Digest } from '../../oci/digest.ts';
import { ArchiveError } from './archive-error.ts';
import { chunksOf } from './byte-input.ts';

/** A part of the temporary file. */
export interface SpooledFile {
  readonly start: number;
  readonly digest: Digest;
}

/** A temporary file, made when it is first needed. */
export class Spool implements AsyncDisposable {
  readonly #file: string;
  #opened: { readonly folder: string; readonly handle: FileHandle } | undefined;
  #length = 0;

  /** @param file for errors */
  constructor(file: string) {
    this.#file = file;
  }

  /** @throws {ArchiveError} when there is no room for it */
  async add(name: string, size: number, bytes: AsyncIterable<Buffer>): Promise<SpooledFile> {
    const start = this.#length;
    const hash = createHash('sha256');
    try {
      const { bavail, bsize } = await statfs(tmpdir());
      if (size > bavail * bsize) throw Object.assign(new Error('too little is free'), { code: 'ENOSPC' });
      const { handle } = await this.#open();
      for await (const chunk of bytes) {
        hash.update(chunk);
        for (let written = 0; written < chunk.length;) {
          const { bytesWritten } = await handle.write(chunk, written, chunk.length - written, this.#length);
          written += bytesWritten;
          this.#length += bytesWritten;
        }
      }
    } catch (cause) {
      if (!(cause instanceof Error) || !('code' in cause) || cause instanceof ArchiveError) throw cause;
      throw new ArchiveError(
        this.#file,
        name,
        `cannot be kept in ${tmpdir()} until the archive ends (${String(cause.code)}): give the file itself in place of a pipe or a compressed one, or set TMPDIR`,
        { cause },
      );
    }
    return { start, digest: `sha256:${hash.digest('hex')}` as Digest };
  }

  async *open({ start }: SpooledFile, offset: number, size: number): AsyncGenerator<Buffer> {
    const { handle } = await this.#open();
    const read = async (buffer: Buffer, position: number): Promise<number> =>
      (await handle.read(buffer, 0, buffer.length, position)).bytesRead;
    yield* chunksOf({ size: this.#length, read }, start + offset, size - offset);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    await opened?.handle.close();
  }

  async #open(): Promise<{ readonly handle: FileHandle }> {
    if (this.#opened !== undefined) return this.#opened;
    const folder = await mkdtemp(join(tmpdir(), 'entrepot-import-'));
    const handle = await open(join(folder, 'files'), 'wx+', 0o600);
    // It goes with the process, however that ends.
    await rm(folder, { recursive: true });
    this.#opened = { folder, handle };
    return this.#opened;
  }
}
