import type { ArchiveLayout, PlacedEntry } from '../../archive/archive-layout.ts';
import { tarEnd, tarPadding } from '../../archive/tar.ts';
import { DigestVerifier } from '../../oci/digest.ts';
import type { OutputFiles } from './output-files.ts';

/** How much of an archive is there already. */
export interface WrittenPart {
  /** Entries from the first on that are complete and intact. */
  readonly entries: number;
  /** Whether the whole archive is. */
  readonly isWhole: boolean;
}

export interface ArchiveCheckerDeps {
  readonly signal: AbortSignal;
  /** Told of bytes that are found to be right, in order. */
  readonly onBytes: (bytes: Uint8Array) => void;
  /** Told that all bytes so far belong to intact entries. */
  readonly onEntry: () => void;
}

const chunkLength = 1024 * 1024;

/** Compares files with the archive that they are to be. Rejects with ExportError, or the signal's reason. */
export class ArchiveChecker {
  readonly #deps: ArchiveCheckerDeps;
  readonly #buffer = Buffer.allocUnsafe(chunkLength);

  constructor(deps: ArchiveCheckerDeps) {
    this.#deps = deps;
  }

  async check({ entries, length }: ArchiveLayout, files: OutputFiles): Promise<WrittenPart> {
    for (const [index, entry] of entries.entries()) {
      if (entry.end > files.length || !(await this.#isIntact(entry, files))) {
        return { entries: index, isWhole: false };
      }
      this.#deps.onEntry();
    }
    const isWhole = files.length === length && (await this.#matches(files, length - tarEnd.length, tarEnd));
    return { entries: entries.length, isWhole };
  }

  async #isIntact({ start, header, content, size }: PlacedEntry, files: OutputFiles): Promise<boolean> {
    if (!(await this.#matches(files, start, header))) return false;
    const begin = start + header.length;
    if (typeof content === 'string') {
      const verifier = new DigestVerifier(content);
      await this.#read(files, begin, size, (bytes) => verifier.update(bytes));
      if (!verifier.matches()) return false;
    } else if (!(await this.#matches(files, begin, content))) {
      return false;
    }
    return this.#matches(files, begin + size, Buffer.alloc(tarPadding(size)));
  }

  async #matches(files: OutputFiles, position: number, expected: Buffer): Promise<boolean> {
    let same = true;
    let compared = 0;
    await this.#read(files, position, expected.length, (bytes) => {
      same &&= bytes.equals(expected.subarray(compared, compared + bytes.length));
      compared += bytes.length;
    });
    return same && compared === expected.length;
  }

  async #read(
    files: OutputFiles,
    position: number,
    length: number,
    take: (bytes: Buffer) => void,
  ): Promise<void> {
    for (let at = position; at < position + length;) {
      this.#deps.signal.throwIfAborted();
      const wanted = Math.min(chunkLength, position + length - at);
      const read = await files.read(this.#buffer.subarray(0, wanted), at);
      if (read === 0) return;
      const bytes = this.#buffer.subarray(0, read);
      take(bytes);
      this.#deps.onBytes(bytes);
      at += read;
    }
  }
}
