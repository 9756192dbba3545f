import { Header } from 'tar/header';
import { Pax } from 'tar/pax';
import { ArchiveError } from './archive-error.ts';
import type { ByteInput } from './byte-input.ts';

const blockLength = 512;
/** Bytes of a PAX header, or of a long name. */
const maxExtraBytes = 1024 * 1024;
/** No image has nearly as many files. */
const maxEntries = 50_000;
/** Bytes behind the end of a tar that are searched for another one: tools fill up to 10 KiB, some further. */
const maxTrailer = 1024 * 1024;

/** An entry of a tar. */
export interface TarEntry {
  readonly kind: 'file' | 'hardlink' | 'symlink' | 'folder';
  /** As it stands there. */
  readonly name: string;
  /** What a link points to. */
  readonly target: string;
  /** Bytes of the content, which begins at the position of the input at which the entry is yielded. */
  readonly size: number;
}

export interface TarReaderDeps {
  readonly input: ByteInput;
  /** For errors. */
  readonly file: string;
  readonly warn: (problem: string) => void;
}

const kinds: Readonly<Record<string, TarEntry['kind']>> = {
  File: 'file',
  OldFile: 'file',
  ContiguousFile: 'file',
  Link: 'hardlink',
  SymbolicLink: 'symlink',
  Directory: 'folder',
};

/** What is refused by name. */
const refused: Readonly<Record<string, string>> = {
  CharacterDevice: 'is a device',
  BlockDevice: 'is a device',
  FIFO: 'is a named pipe',
  SparseFile: 'is a sparse file, which no tool for images writes',
  GNUDumpDir: 'is part of an incremental backup',
  ContinuationFile: 'is part of a multi-volume archive',
};

/** Reads the entries of a tar in order. Whoever iterates may read an entry's content before asking for the next. */
export class TarReader {
  readonly #deps: TarReaderDeps;
  #pax: Pax | undefined;
  #global: Pax | undefined;
  #longName: string | undefined;
  #longTarget: string | undefined;
  #last = 'its first entry';

  constructor(deps: TarReaderDeps) {
    this.#deps = deps;
  }

  /** @throws {ArchiveError} */
  async *entries(): AsyncGenerator<TarEntry> {
    const { input, file } = this.#deps;
    for (let count = 0; ;) {
      const header = await this.#header();
      if (header === undefined) return;
      const size = header.size ?? 0;
      if (await this.#isForNext(header, size)) continue;
      if ((count += 1) > maxEntries) {
        throw new ArchiveError(file, undefined, `has more than ${maxEntries} entries: it holds no images`);
      }
      const entry = this.#entry(header, size);
      this.#pax = undefined;
      this.#longName = undefined;
      this.#longTarget = undefined;
      const start = input.position;
      yield entry;
      await this.#leave(entry, start);
    }
  }

  /** Reads what is said of the entry that follows; false for an entry. */
  async #isForNext(header: Header, size: number): Promise<boolean> {
    const { type } = header;
    const isLongName = type === 'NextFileHasLongPath' || type === 'OldGnuLongPath';
    if (type === 'ExtendedHeader' || type === 'OldExtendedHeader') {
      this.#pax = this.#parsePax(await this.#extra(header, size), false);
    } else if (type === 'GlobalExtendedHeader') {
      this.#global = this.#parsePax(await this.#extra(header, size), true);
    } else if (isLongName) {
      this.#longName = nameIn(await this.#extra(header, size));
    } else if (type === 'NextFileHasLongLinkpath') {
      this.#longTarget = nameIn(await this.#extra(header, size));
    } else {
      return false;
    }
    return true;
  }

  #entry(header: Header, size: number): TarEntry {
    const { file } = this.#deps;
    const name = this.#longName ?? header.path ?? '';
    this.#last = name;
    const kind = kinds[header.type];
    if (kind === undefined) {
      throw new ArchiveError(file, name, refused[header.type] ?? `is of an unknown kind (${header.type})`);
    }
    const target = this.#longTarget ?? this.#pax?.linkpath ?? header.linkpath ?? '';
    return { kind, name, target, size: kind === 'file' ? size : 0 };
  }

  /** Undefined at the end. */
  async #header(): Promise<Header | undefined> {
    const { input, file } = this.#deps;
    const at = input.position;
    const block = await input.take(blockLength);
    if (block.length === 0) {
      if (at === 0) throw new ArchiveError(file, undefined, 'is empty');
      return undefined;
    }
    if (block.length < blockLength) {
      if (at === 0)
        throw new ArchiveError(file, undefined, 'is no archive: it is neither a tar nor a folder');
      throw new ArchiveError(
        file,
        undefined,
        `is cut off behind ${this.#last}, ${at + block.length} bytes long`,
      );
    }
    const header = this.#decode(block, at);
    if (!header.nullBlock) return header;
    await this.#end();
    return undefined;
  }

  #decode(block: Buffer, at: number): Header {
    const { file } = this.#deps;
    let header: Header | undefined;
    try {
      header = new Header(block, 0, this.#pax, this.#global);
    } catch {
      // Numbers that make no sense.
    }
    const isRight = header?.nullBlock === true || (header?.cksumValid === true && isSize(header.size));
    if (header !== undefined && isRight) return header;
    if (at === 0) throw new ArchiveError(file, undefined, 'is no archive: it does not begin like a tar');
    throw new ArchiveError(file, undefined, `is damaged at byte ${at}, behind ${this.#last}`);
  }

  async #extra({ path = '' }: Header, size: number): Promise<Buffer> {
    const { input, file } = this.#deps;
    if (size > maxExtraBytes) {
      throw new ArchiveError(file, path, `is a header of ${size} bytes; at most ${maxExtraBytes} are read`);
    }
    const bytes = await input.take(size);
    const padding = await input.skip(paddingOf(size));
    if (bytes.length < size || padding < paddingOf(size)) {
      throw new ArchiveError(file, undefined, `is cut off behind ${this.#last}`);
    }
    return bytes;
  }

  #parsePax(bytes: Buffer, isGlobal: boolean): Pax {
    const text = bytes.toString('utf8');
    if (/^\d+ GNU\.sparse\./mu.test(text)) {
      throw new ArchiveError(
        this.#deps.file,
        `what follows ${this.#last}`,
        'is a sparse file, which no tool for images writes',
      );
    }
    return Pax.parse(text, isGlobal ? this.#global : this.#pax, isGlobal);
  }

  async #leave({ name, size }: TarEntry, start: number): Promise<void> {
    const { input, file } = this.#deps;
    const read = input.position - start;
    const there = read + (await input.skip(size - read));
    if (there < size) {
      throw new ArchiveError(file, name, `is cut off: the archive ends after ${there} of its ${size} bytes`);
    }
    await input.skip(paddingOf(size));
  }

  /** Looks for another tar behind the end of this one, which every reader ignores. */
  async #end(): Promise<void> {
    const { input, warn } = this.#deps;
    const trailer = input.position + maxTrailer;
    while (input.position < trailer) {
      const block = await input.take(blockLength);
      if (block.length < blockLength) return;
      if (block.every((byte) => byte === 0)) continue;
      warn('has more behind its end, perhaps another archive, which is not read');
      return;
    }
  }
}

function isSize(size: number | undefined): boolean {
  return size === undefined || (Number.isSafeInteger(size) && size >= 0);
}

function paddingOf(size: number): number {
  return (blockLength - (size % blockLength)) % blockLength;
}

/** GNU's long names end with a zero byte. */
function nameIn(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
}
