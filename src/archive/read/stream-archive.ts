import { parseBlobPath } from '../blob-path.ts';
import { digestOf, isDigestOf, type Digest } from '../../oci/digest.ts';
import { maxDocumentBytes, type Archive, type ArchiveFile, type TakeBlob } from './archive.ts';
import { ArchiveError } from './archive-error.ts';
import { joined, StreamInput } from './byte-input.ts';
import { damaged } from './damaged.ts';
import { EntryTree, type FoundFile } from './entry-tree.ts';
import { Spool, type SpooledFile } from './spool.ts';
import { checkSize } from './tar-archive.ts';
import { TarReader, type TarEntry } from './tar-reader.ts';

/** Bytes of all documents together that are kept in memory. */
const maxKeptBytes = 64 * 1024 * 1024;

/** What JSON may begin with. */
const documentStarts: ReadonlySet<number> = new Set(Buffer.from('{[ \n\r\t'));

/** A blob that was passed on, a document in memory, or a file that waits on the disk. */
type Place = { readonly blob: Digest } | { readonly bytes: Buffer } | SpooledFile;

export interface StreamArchiveDeps {
  readonly file: string;
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Is given the blobs of an image layout as they come by. */
  readonly take: TakeBlob;
  readonly warn: (problem: string) => void;
}

/**
 * A tar that can be read only once, from a pipe or unpacked on the way. Blobs that are named after their digest go to
 * where they belong at once. Documents are kept in memory; other files, which only the end of the archive tells what
 * they are, in a temporary file.
 */
export class StreamArchive implements Archive {
  readonly file: string;
  readonly #deps: StreamArchiveDeps;
  readonly #tree: EntryTree<Place>;
  readonly #spool: Spool;
  #kept = 0;

  private constructor(deps: StreamArchiveDeps) {
    this.file = deps.file;
    this.#deps = deps;
    this.#tree = new EntryTree(deps.file);
    this.#spool = new Spool(deps.file);
  }

  /** Reads all of it. Rejects with what `take` rejects with, too. */
  static async open(deps: StreamArchiveDeps): Promise<StreamArchive> {
    await using closing = new AsyncDisposableStack();
    const archive = closing.use(new StreamArchive(deps));
    const input = new StreamInput(deps.chunks);
    for await (const entry of new TarReader({ ...deps, input }).entries()) {
      await archive.#add(entry, input);
    }
    closing.move();
    return archive;
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
    if ('bytes' in found.place) return found.place.bytes;
    if ('blob' in found.place) throw new ArchiveError(this.file, name, 'is no JSON');
    return joined(this.open(name, 0), found.size);
  }

  async canOpen(name: string): Promise<boolean> {
    const found = await this.find(name);
    return found !== undefined && !('blob' in this.#existing(name).place);
  }

  async *open(name: string, offset: number): AsyncGenerator<Uint8Array> {
    const { place, size } = this.#existing(name);
    if ('bytes' in place) yield place.bytes.subarray(offset);
    else if ('start' in place) yield* this.#spool.open(place, offset, size);
    else throw new ArchiveError(this.file, name, 'has come by already, and is not there any more');
  }

  digest(name: string): Promise<Digest> {
    const { place } = this.#existing(name);
    if ('bytes' in place) return Promise.resolve(digestOf(place.bytes));
    return Promise.resolve('blob' in place ? place.blob : place.digest);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#spool[Symbol.asyncDispose]();
  }

  async #add({ kind, name, target, size }: TarEntry, input: StreamInput): Promise<void> {
    if (kind === 'folder') this.#tree.check(name);
    else if (kind !== 'file') this.#tree.addLink(name, target, kind);
    else this.#tree.addFile(name, size, await this.#place(name.replace(/^(?:\.\/)+/u, ''), size, input));
  }

  async #place(name: string, size: number, input: StreamInput): Promise<Place> {
    const digest = parseBlobPath(name);
    const start = input.position;
    const first = size === 0 ? undefined : await input.peek();
    const isDocument = size <= maxDocumentBytes && (first === undefined || documentStarts.has(first));
    if (isDocument) return { bytes: await this.#document(name, digest, size, input) };
    if (digest === undefined) return this.#spool.add(name, size, input.chunks(size));
    const isRight = await this.#deps.take({ digest, size }, this.#whole(name, size, input.chunks(size)));
    // What was cut off is told as such, and not as damaged.
    await input.skip(size - (input.position - start));
    if (!isRight && input.position - start === size) throw damaged(this.file, name);
    return { blob: digest };
  }

  /** @throws {ArchiveError} where the archive ends before the file does */
  async *#whole(name: string, size: number, bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let length = 0;
    for await (const chunk of bytes) {
      length += chunk.length;
      yield chunk;
    }
    if (length < size) {
      throw new ArchiveError(
        this.file,
        name,
        `is cut off: the archive ends after ${length} of its ${size} bytes`,
      );
    }
  }

  async #document(
    name: string,
    digest: Digest | undefined,
    size: number,
    input: StreamInput,
  ): Promise<Buffer> {
    this.#kept += size;
    if (this.#kept > maxKeptBytes) {
      throw new ArchiveError(
        this.file,
        name,
        `and what comes before it are more than ${maxKeptBytes} bytes of JSON`,
      );
    }
    const bytes = await input.take(size);
    if (digest !== undefined && bytes.length === size && !isDigestOf(digest, bytes))
      throw damaged(this.file, name);
    return bytes;
  }

  #existing(name: string): FoundFile<Place> {
    const found = this.#tree.find(name);
    if (found === undefined) throw new ArchiveError(this.file, name, 'is missing');
    return found;
  }
}
