import { stat } from 'node:fs/promises';
import type { Digest } from '../../oci/digest.ts';
import type { PartialBlob } from '../content-store.ts';
import { fileError, unlessMissing } from '../file-error.ts';
import { namesIn, removeFile } from '../folder.ts';
import type { FileSystem } from './file-system.ts';
import type { Layout } from './layout.ts';
import { Removals } from './removals.ts';

/** The partial blobs of a store: what ingests that were suspended, and crashes, left. */
export class Partials {
  readonly #layout: Layout;
  readonly #files: FileSystem;
  readonly #isOpen: (digest: Digest) => boolean;
  readonly #removals = new Removals();

  /** @param isOpen whether an ingest of that digest is open, or about to be */
  constructor(layout: Layout, files: FileSystem, isOpen: (digest: Digest) => boolean) {
    this.#layout = layout;
    this.#files = files;
    this.#isOpen = isOpen;
  }

  async *list(): AsyncIterable<PartialBlob> {
    try {
      for (const name of await namesIn(this.#layout.ingest)) {
        const digest = this.#layout.partialDigest(name);
        if (digest === undefined) continue;
        const file = await unlessMissing(stat(this.#layout.partial(digest)));
        if (file !== undefined) yield { digest, size: file.size, writtenAt: file.mtimeMs };
      }
    } catch (cause) {
      throw fileError('listing partial blobs', cause);
    }
  }

  async remove(digest: Digest): Promise<boolean> {
    if (this.#isOpen(digest)) return false;
    try {
      return await this.#removals.run(digest, () => removeFile(this.#layout.partial(digest), this.#files));
    } catch (cause) {
      throw fileError('removing a partial blob', cause);
    }
  }

  async removeBefore(before: number): Promise<number> {
    let removed = 0;
    for await (const { digest, writtenAt } of this.list()) {
      if (writtenAt < before && (await this.remove(digest))) removed += 1;
    }
    return removed;
  }

  /** Resolves when no removal of the digest is under way; never rejects. */
  async settled(digest: Digest): Promise<void> {
    await this.#removals.settled(digest);
  }
}
