import { unlink, writeFile } from 'node:fs/promises';
import type { Digest } from '../../oci/digest.ts';
import { unlessMissing } from '../file-error.ts';
import { namesIn } from '../folder.ts';
import type { Layout } from './layout.ts';

/**
 * Marks of blobs that are committed, or about to be, and not recorded yet: empty files, so that a start after
 * a crash need not look at all blobs. A blob without its mark is found once it is requested or scrubbed, so
 * errors are ignored.
 */
export class Unrecorded {
  readonly #layout: Layout;

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  async mark(digest: Digest): Promise<void> {
    await writeFile(this.#layout.unrecorded(digest), '').catch(() => undefined);
  }

  async clear(digest: Digest): Promise<void> {
    await unlessMissing(unlink(this.#layout.unrecorded(digest)));
  }

  async list(): Promise<readonly Digest[]> {
    const names = await namesIn(this.#layout.ingest);
    return names.map((name) => this.#layout.unrecordedDigest(name)).filter((digest) => digest !== undefined);
  }
}
