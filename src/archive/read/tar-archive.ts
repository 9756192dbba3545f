import { createHash } from 'node:crypto';
import type { Digest } from '../../oci/digest.ts';
import type { Archive, ArchiveFile } from './archive.ts';
import { ArchiveError } from './archive-error.ts';
import { chunksOf, RandomInput, type RandomAccess } from './byte-input.ts';
import { EntryTree, type FoundFile } from './entry-tree.ts';
import { TarReader } from './tar-reader.ts';

/** A tar that can be read anywhere. */
export class TarArchive implements Archive {
  readonly file: string;
  readonly #bytes: RandomAccess & AsyncDisposable;
  /** Where the contents begin. */
  readonly #tree: EntryTree<number>;

  private constructor(file: string, bytes: RandomAccess & AsyncDisposable, tree: EntryTree<number>) {
    this.file = file;
    this.#bytes = bytes;
    this.#tree = tree;
  }

  /**
   * Reads all headers.
   * @param bytes closed with the archive
   */
  static async open(
    file: string,
    bytes: RandomAccess & AsyncDisposable,
    warn: (problem: string) => void,
  ): Promise<TarArchive> {
    const tree = new EntryTree<number>(file);
    const input = new RandomInput(bytes);
    for await (const { kind, name, target, size } of new TarReader({ input, file, warn }).entries()) {
      if (kind === 'file') tree.addFile(name, size, input.position);
      else if (kind === 'folder') tree.check(name);
      else tree.addLink(name, target, kind);
    }
    return new TarArchive(file, bytes, tree);
  }

  get names(): Iterable<string> {
    return this.#tree.names;
  }

  find(name: string): Promise<ArchiveFile | undefined> {
    return Promise.resolve().then(() => this.#tree.find(name));
  }

  async read(name: string, most: number): Promise<Buffer | undefined> {
    const found = this.#tree.find(name);
    if (found === undefined) return undefined;
    checkSize(this.file, found, most);
    const input = new RandomInput(this.#bytes);
    await input.skip(found.place);
    return input.take(found.size);
  }

  async canOpen(name: string): Promise<boolean> {
    return (await this.find(name)) !== undefined;
  }

  async *open(name: string, offset: number): AsyncGenerator<Uint8Array> {
    const { place, size } = this.#existing(name);
    yield* chunksOf(this.#bytes, place + offset, size - offset);
  }

  async digest(name: string): Promise<Digest> {
    return digestOfChunks(this.open(name, 0));
  }

  #existing(name: string): FoundFile<number> {
    const found = this.#tree.find(name);
    if (found === undefined) throw new ArchiveError(this.file, name, 'is missing');
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#bytes[Symbol.asyncDispose]();
  }
}

/** @throws {ArchiveError} */
export function checkSize(file: string, { name, size }: ArchiveFile, most: number): void {
  if (size > most) throw new ArchiveError(file, name, `has ${size} bytes; at most ${most} are read`);
}

export async function digestOfChunks(chunks: AsyncIterable<Uint8Array>): Promise<Digest> {
  const hash = createHash('sha256');
  for await (const chunk of chunks) hash.update(chunk);
  return `sha256:${hash.digest('hex')}` as Digest;
}
