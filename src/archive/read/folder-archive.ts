import { constants } from 'node:fs';
import { open, readdir, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { Digest } from '../../oci/digest.ts';
import type { Archive, ArchiveFile } from './archive.ts';
import { ArchiveError } from './archive-error.ts';
import { chunksOf, joined } from './byte-input.ts';
import { checkSize, digestOfChunks } from './tar-archive.ts';

/** An unpacked archive. Links that lead out of the folder are not followed. */
export class FolderArchive implements Archive {
  readonly file: string;
  readonly names: readonly string[];
  readonly #root: string;

  private constructor(file: string, root: string, names: readonly string[]) {
    this.file = file;
    this.names = names;
    this.#root = root;
  }

  static async open(file: string): Promise<FolderArchive> {
    try {
      return new FolderArchive(file, await realpath(file), await readdir(file));
    } catch (cause) {
      throw unreadable(file, undefined, cause);
    }
  }

  async find(name: string): Promise<ArchiveFile | undefined> {
    const path = await this.#path(name);
    if (path === undefined) return undefined;
    try {
      const found = await stat(path);
      if (!found.isFile()) throw new ArchiveError(this.file, name, 'is no regular file');
      return { name, size: found.size };
    } catch (cause) {
      throw unreadable(this.file, name, cause);
    }
  }

  async read(name: string, most: number): Promise<Buffer | undefined> {
    const found = await this.find(name);
    if (found === undefined) return undefined;
    checkSize(this.file, found, most);
    return joined(this.open(name, 0), found.size);
  }

  async canOpen(name: string): Promise<boolean> {
    return (await this.find(name)) !== undefined;
  }

  async *open(name: string, offset: number): AsyncGenerator<Uint8Array> {
    const path = await this.#path(name);
    if (path === undefined) throw new ArchiveError(this.file, name, 'is missing');
    try {
      // It may have become a pipe, and opening one would block.
      await using handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      const { size } = await handle.stat();
      const read = async (buffer: Buffer, position: number): Promise<number> =>
        (await handle.read(buffer, 0, buffer.length, position)).bytesRead;
      yield* chunksOf({ size, read }, offset, size - offset);
    } catch (cause) {
      throw unreadable(this.file, name, cause);
    }
  }

  digest(name: string): Promise<Digest> {
    return digestOfChunks(this.open(name, 0));
  }

  /** Where a file is, without links; undefined when there is none. */
  async #path(name: string): Promise<string | undefined> {
    let path: string;
    try {
      path = await realpath(join(this.#root, name));
    } catch (cause) {
      if (codeOf(cause) === 'ENOENT' || codeOf(cause) === 'ENOTDIR') return undefined;
      throw unreadable(this.file, name, cause);
    }
    if (path.startsWith(`${this.#root}${sep}`)) return path;
    throw new ArchiveError(this.file, name, 'leads out of the folder');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

function unreadable(file: string, entry: string | undefined, cause: unknown): unknown {
  const code = codeOf(cause);
  if (code === undefined || cause instanceof ArchiveError) return cause;
  return new ArchiveError(file, entry, `cannot be read (${code})`, { cause });
}

function codeOf(cause: unknown): string | undefined {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : undefined;
}
