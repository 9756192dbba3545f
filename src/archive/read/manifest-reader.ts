import { isDigestOf, type Digest } from '../../oci/digest.ts';
import {
  manifestMediaType,
  ManifestSyntaxError,
  maxManifestBytes,
  readManifest,
  type Manifest,
  type ManifestContents,
} from '../../oci/manifest.ts';
import type { Archive } from './archive.ts';
import { ArchiveError } from './archive-error.ts';
import { damaged } from './damaged.ts';

/** Of indexes in indexes. */
const maxDepth = 8;
/** Bytes of all manifests of an archive together. */
const maxTotalBytes = 64 * 1024 * 1024;

/** What names a manifest. */
interface Named {
  readonly digest: Digest;
  readonly mediaType?: string | undefined;
}

/** Reads manifests out of an archive, and verifies them. */
export class ManifestReader {
  readonly #archive: Archive;
  readonly #fileOf: (digest: Digest) => string;
  readonly #read = new Map<Digest, Manifest | undefined>();
  #total = 0;

  constructor(archive: Archive, fileOf: (digest: Digest) => string) {
    this.#archive = archive;
    this.#fileOf = fileOf;
  }

  /**
   * A manifest; undefined when the archive does not have it.
   * @throws {ArchiveError} for one that is damaged, too large, or none that can be stored
   */
  async manifest({ digest, mediaType }: Named): Promise<Manifest | undefined> {
    if (this.#read.has(digest)) return this.#read.get(digest);
    const entry = this.#fileOf(digest);
    const bytes = await this.#archive.read(entry, maxManifestBytes);
    const manifest = bytes && this.parse(entry, digest, bytes, mediaType);
    this.#read.set(digest, manifest);
    return manifest;
  }

  /** @throws {ArchiveError} */
  parse(entry: string, digest: Digest, bytes: Buffer, mediaType?: string): Manifest {
    const { file } = this.#archive;
    if (!isDigestOf(digest, bytes)) throw damaged(file, entry);
    this.#total += bytes.length;
    if (this.#total > maxTotalBytes) {
      throw new ArchiveError(file, entry, `and other manifests are more than ${maxTotalBytes} bytes`);
    }
    return this.#checked(entry, () => {
      const contents = readManifest(bytes);
      return { mediaType: manifestMediaType(mediaType, contents), digest, size: bytes.length, bytes };
    });
  }

  /** What a manifest names. */
  contents({ digest, bytes }: Manifest): ManifestContents {
    return this.#checked(this.#fileOf(digest), () => readManifest(bytes));
  }

  /**
   * A root with everything below it that is in the archive.
   * @throws {ArchiveError} as {@link manifest}, and where indexes lie too deep in one another
   */
  async tree(root: Manifest): Promise<Map<Digest, Manifest>> {
    const found = new Map([[root.digest, root]]);
    let level: readonly Manifest[] = [root];
    for (let depth = 0; level.length > 0; depth += 1) {
      if (depth > maxDepth) {
        const entry = this.#fileOf(root.digest);
        throw new ArchiveError(this.#archive.file, entry, `has more than ${maxDepth} indexes in one another`);
      }
      const next: Manifest[] = [];
      for (const child of level.flatMap((manifest) => this.contents(manifest).children)) {
        const manifest = found.has(child.digest) ? undefined : await this.manifest(child);
        if (manifest === undefined) continue;
        found.set(manifest.digest, manifest);
        next.push(manifest);
      }
      level = next;
    }
    return found;
  }

  #checked<T>(entry: string, read: () => T): T {
    try {
      return read();
    } catch (cause) {
      if (!(cause instanceof ManifestSyntaxError)) throw cause;
      throw new ArchiveError(
        this.#archive.file,
        entry,
        `is no manifest that can be stored: ${cause.message}`,
        { cause },
      );
    }
  }
}
