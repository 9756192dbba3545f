import type { Digest } from '../../oci/digest.ts';
import type { PartialBlob } from '../content-store.ts';
import { writing } from '../file-error.ts';
import { filesIn, removeFile } from '../folder.ts';
import type { FileSystem } from './file-system.ts';
import type { Layout } from './layout.ts';
import { Removals } from './removals.ts';

interface PartialsDeps {
  readonly layout: Layout;
  readonly files: FileSystem;
  /** Whether an ingest of that digest is open, or about to be. */
  readonly isOpen: (digest: Digest) => boolean;
}

/** The partial blobs of a store, left by suspended ingests and by crashes. */
export class Partials {
  readonly #deps: PartialsDeps;
  readonly #removals = new Removals();

  constructor(deps: PartialsDeps) {
    this.#deps = deps;
  }

  async *list(): AsyncIterable<PartialBlob> {
    const { layout } = this.#deps;
    const parse = (name: string) => layout.partialDigest(name);
    for await (const { name: digest, stats } of filesIn(layout.ingest, parse, 'listing partial blobs')) {
      yield { digest, size: stats.size, writtenAt: stats.mtimeMs };
    }
  }

  async remove(digest: Digest): Promise<boolean> {
    const { layout, files, isOpen } = this.#deps;
    if (isOpen(digest)) return false;
    const remove = () => this.#removals.run(digest, () => removeFile(layout.partial(digest), files));
    return writing('removing a partial blob', remove);
  }

  async removeBefore(before: number): Promise<number> {
    let removed = 0;
    for await (const { digest, writtenAt } of this.list()) {
      if (writtenAt < before && (await this.remove(digest))) removed += 1;
    }
    return removed;
  }

  /** Resolves when no removal of the digest is under way; never rejects. */
  settled(digest: Digest): Promise<void> {
    return this.#removals.settled(digest);
  }
}
