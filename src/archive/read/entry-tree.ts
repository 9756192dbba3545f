import { posix } from 'node:path';
import { parseBlobPath } from '../blob-path.ts';
import { ArchiveError } from './archive-error.ts';

/** Links that lead to links. */
const maxLinks = 40;

interface Link {
  readonly link: string;
}

interface Placed<Place> {
  readonly size: number;
  readonly place: Place;
}

/** A regular file of an archive. */
export interface FoundFile<Place> extends Placed<Place> {
  /** Its own name, whatever link led to it. */
  readonly name: string;
}

/** The names in an archive, and where each leads. */
export class EntryTree<Place> {
  readonly #file: string;
  readonly #entries = new Map<string, Placed<Place> | Link>();

  /** @param file for errors */
  constructor(file: string) {
    this.#file = file;
  }

  /** The names of files and links. */
  get names(): Iterable<string> {
    return this.#entries.keys();
  }

  /** @throws {ArchiveError} for a name that leads out of the archive, or one that is there already */
  addFile(written: string, size: number, place: Place): void {
    const name = this.#inside(written, written);
    const before = this.#entries.get(name);
    // A blob is the same wherever it stands; which of two other files is meant, nobody can tell.
    if (before !== undefined && 'size' in before && before.size === size && parseBlobPath(name) !== undefined)
      return;
    if (before !== undefined) throw new ArchiveError(this.#file, written, 'stands in it twice');
    this.#entries.set(name, { size, place });
  }

  /** @throws {ArchiveError} as {@link addFile}, for the target as well */
  addLink(written: string, target: string, kind: 'hardlink' | 'symlink'): void {
    const name = this.#inside(written, written);
    const from = kind === 'symlink' ? posix.dirname(name) : '.';
    const link = this.#inside(target.startsWith('/') ? target : posix.join(from, target), written);
    if (this.#entries.has(name)) throw new ArchiveError(this.#file, written, 'stands in it twice');
    this.#entries.set(name, { link });
  }

  /** Checks a name that is only there to be, such as a folder's. */
  check(written: string): void {
    this.#inside(written, written);
  }

  /**
   * The file that a name leads to, if there is one.
   * @throws {ArchiveError} for a link that leads to no file
   */
  find(written: string): FoundFile<Place> | undefined {
    let name = posix.normalize(written);
    for (let links = 0; links <= maxLinks; links += 1) {
      const entry = this.#entries.get(name);
      if (entry === undefined) {
        if (links === 0) return undefined;
        throw new ArchiveError(this.#file, written, `is a link to ${name}, which is not there`);
      }
      if ('size' in entry) return { ...entry, name };
      name = entry.link;
    }
    throw new ArchiveError(this.#file, written, 'is a link that leads in a circle');
  }

  #inside(name: string, entry: string): string {
    if (name.startsWith('/')) throw new ArchiveError(this.#file, entry, 'has or leads to an absolute name');
    const normal = posix.normalize(name).replace(/\/$/u, '');
    if (normal === '..' || normal.startsWith('../') || name.includes('\0')) {
      throw new ArchiveError(this.#file, entry, 'leads out of the archive');
    }
    return normal;
  }
}
