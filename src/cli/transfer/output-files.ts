import { open, rename, rm, stat, truncate, type FileHandle } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { unlessMissing } from '../../store/file-error.ts';
import { syncFolder } from '../../store/folder.ts';
import { writeDurably } from '../staged-file.ts';
import { writing } from './export-error.ts';

export interface OutputOptions {
  /** With the ending: `…/bundle.tar`. */
  readonly path: string;
  /** Bytes of the whole. */
  readonly length: number;
  /** The most bytes of a file. */
  readonly partLength: number;
}

/** A file of the output, with the name that it has until all are complete. */
interface OutputFile {
  readonly path: string;
  readonly temporary: string;
}

/**
 * The file that an archive is written to, or its parts `….001`, `….002` and so on. They have other names until all are
 * complete. What is there already is read as if it were one file. Reading and writing are sequential. Rejects with
 * ExportError.
 */
export class OutputFiles implements AsyncDisposable {
  readonly #options: OutputOptions;
  readonly #files: readonly OutputFile[];
  /** Whether one of the files has its final name: it is not written to any more. */
  readonly isFinal: boolean;
  /** Bytes that are there. */
  #length: number;
  #current: { readonly index: number; readonly handle: FileHandle } | undefined;

  private constructor(
    options: OutputOptions,
    files: readonly OutputFile[],
    { length, isFinal }: { readonly length: number; readonly isFinal: boolean },
  ) {
    this.#options = options;
    this.#files = files;
    this.#length = length;
    this.isFinal = isFinal;
  }

  static async open(options: OutputOptions): Promise<OutputFiles> {
    const files = filesOf(options);
    return writing(options.path, async () => {
      let length = 0;
      let isFinal = false;
      let isGap = false;
      for (const { path, temporary } of files) {
        const final = await sizeOf(path);
        const size = final ?? (await sizeOf(temporary)) ?? 0;
        isFinal ||= final !== undefined;
        if (!isGap) length += size;
        isGap ||= size !== options.partLength;
      }
      return new OutputFiles(options, files, { length, isFinal });
    });
  }

  get length(): number {
    return this.#length;
  }

  /** Reads up to a buffer's length from `position`. Resolves to the number of bytes: 0 only at the end. */
  async read(buffer: Uint8Array, position: number): Promise<number> {
    const { index, within, room } = this.#place(position);
    const wanted = Math.min(buffer.length, this.#length - position, room);
    if (wanted <= 0) return 0;
    return writing(this.#options.path, async () => {
      const handle = await this.#handle(index);
      return (await handle.read(buffer, 0, wanted, within)).bytesRead;
    });
  }

  /** Appends. */
  async write(bytes: Uint8Array): Promise<void> {
    await writing(this.#options.path, async () => {
      for (let rest = bytes; rest.length > 0;) {
        const { index, within, room } = this.#place(this.#length);
        const handle = await this.#handle(index);
        const { bytesWritten } = await handle.write(rest, 0, Math.min(rest.length, room), within);
        this.#length += bytesWritten;
        rest = rest.subarray(bytesWritten);
      }
    });
  }

  /** Drops what comes after `length` bytes; only while no file has its final name. */
  async truncate(length: number): Promise<void> {
    await writing(this.#options.path, async () => {
      for (const [index, { temporary }] of this.#files.entries()) {
        const left = length - this.#startOf(index);
        const size = await sizeOf(temporary);
        if (size === undefined || size <= left) continue;
        if (left > 0) await truncate(temporary, left);
        else await rm(temporary);
      }
    });
    this.#length = length;
  }

  /** Makes it all durable, under the final names. */
  async finish(): Promise<void> {
    const { path } = this.#options;
    await writing(path, async () => {
      await this.#leave();
      for (const file of this.#files) await unlessMissing(rename(file.temporary, file.path));
      await syncFolder(dirname(path));
    });
  }

  /**
   * Writes a list of the parts with their SHA-256 sums, as `sha256sum -c` reads it, unless there is just one. `cat NAME.tar.*`
   * leaves it out.
   */
  async list(sums: readonly string[]): Promise<void> {
    if (this.#files.length === 1) return;
    const list = `${this.#options.path.replace(/\.tar$/, '')}.sha256`;
    const lines = this.#files.map(({ path }, index) => `${sums[index] ?? ''}  ${basename(path)}\n`);
    await writing(list, () => writeDurably(list, lines.join(''), 0o644));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const handle = this.#current?.handle;
    this.#current = undefined;
    await handle?.close();
  }

  #startOf(index: number): number {
    return index === 0 ? 0 : index * this.#options.partLength;
  }

  #place(position: number): { readonly index: number; readonly within: number; readonly room: number } {
    const { partLength } = this.#options;
    const index = Math.floor(position / partLength);
    const within = position - this.#startOf(index);
    return { index, within, room: partLength - within };
  }

  async #handle(index: number): Promise<FileHandle> {
    if (this.#current?.index === index) return this.#current.handle;
    await this.#leave();
    const file = this.#files[index];
    if (file === undefined) throw new Error('the archive is longer than it was to be');
    const isThere = this.isFinal && (await sizeOf(file.path)) !== undefined;
    const handle = await open(isThere ? file.path : file.temporary, this.isFinal ? 'r' : 'a+');
    this.#current = { index, handle };
    return handle;
  }

  /** One that was killed may have left bytes that are not on the disk yet: what was only read is flushed, too. */
  async #leave(): Promise<void> {
    const handle = this.#current?.handle;
    this.#current = undefined;
    if (handle === undefined) return;
    try {
      if (!this.isFinal) await handle.sync();
    } finally {
      await handle.close();
    }
  }
}

function filesOf({ path, length, partLength }: OutputOptions): readonly OutputFile[] {
  const count = Math.ceil(length / partLength);
  const names = Array.from({ length: count }, (_, index) => `${path}.${String(index + 1).padStart(3, '0')}`);
  return (length <= partLength ? [path] : names).map((name) => ({
    path: name,
    temporary: `${name}.partial`,
  }));
}

async function sizeOf(path: string): Promise<number | undefined> {
  const stats = await unlessMissing(stat(path));
  return stats?.size;
}
