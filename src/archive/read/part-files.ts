import { open, type FileHandle } from 'node:fs/promises';
import { ArchiveError } from './archive-error.ts';
import type { RandomAccess } from './byte-input.ts';

interface Part {
  readonly path: string;
  readonly handle: FileHandle;
  /** Of the whole. */
  readonly start: number;
  readonly size: number;
}

/** A file, or the parts of one, read as if they were joined. Rejects with ArchiveError. */
export class PartFiles implements RandomAccess, AsyncDisposable {
  readonly size: number;
  readonly #parts: readonly Part[];

  private constructor(parts: readonly Part[]) {
    this.#parts = parts;
    this.size = parts.reduce((total, { size }) => total + size, 0);
  }

  static async open(paths: readonly string[]): Promise<PartFiles> {
    await using closing = new AsyncDisposableStack();
    const parts: Part[] = [];
    let start = 0;
    for (const path of paths) {
      const handle = await reading(path, () => open(path, 'r'));
      closing.defer(() => handle.close());
      const stats = await reading(path, () => handle.stat());
      if (!stats.isFile()) throw new ArchiveError(path, undefined, 'is no regular file');
      parts.push({ path, handle, start, size: stats.size });
      start += stats.size;
    }
    closing.move();
    return new PartFiles(parts);
  }

  async read(buffer: Buffer, position: number): Promise<number> {
    const part = this.#parts.find(({ start, size }) => position >= start && position < start + size);
    if (part === undefined) return 0;
    const { path, handle, start, size } = part;
    const within = position - start;
    const length = Math.min(buffer.length, size - within);
    return (await reading(path, () => handle.read(buffer, 0, length, within))).bytesRead;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { handle } of this.#parts) await handle.close();
  }
}

async function reading<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    throw new ArchiveError(path, undefined, `cannot be read (${errno(cause)})`, { cause });
  }
}

function errno(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
}
