import { stat } from 'node:fs/promises';
import type { Digest } from '../../oci/digest.ts';
import type { QuarantinedBlob } from '../content-store.ts';
import { unlessMissing, writing } from '../file-error.ts';
import { filesIn, moveFile, removeFile } from '../folder.ts';
import type { FileSystem } from './file-system.ts';
import type { Layout } from './layout.ts';

/** Damaged blobs, kept apart for inspection. */
export class Quarantine {
  readonly #layout: Layout;
  readonly #files: FileSystem;

  constructor(layout: Layout, files: FileSystem) {
    this.#layout = layout;
    this.#files = files;
  }

  /**
   * Moves a blob's file in. Not flushed: should a power failure undo it, the blob is found damaged again.
   * @returns false when there is no such blob
   */
  take(digest: Digest, at: number): Promise<boolean> {
    const from = this.#layout.blob(digest);
    return writing('quarantining a blob', async () => {
      // Looked for first: a missing target folder would be created, and then say ENOENT of the file.
      if ((await unlessMissing(stat(from))) === undefined) return false;
      await moveFile(from, this.#layout.quarantined(digest, at), this.#files);
      return true;
    });
  }

  async *list(): AsyncIterable<QuarantinedBlob> {
    for await (const { name, stats } of this.#quarantined()) {
      yield { digest: name.digest, size: stats.size, quarantinedAt: name.at };
    }
  }

  async removeBefore(before: number): Promise<number> {
    let removed = 0;
    for await (const { name, path } of this.#quarantined()) {
      if (name.at >= before) continue;
      if (await writing('removing a quarantined blob', () => removeFile(path, this.#files))) removed += 1;
    }
    return removed;
  }

  #quarantined() {
    const parse = (name: string) => this.#layout.quarantinedBlob(name);
    return filesIn(this.#layout.quarantine, parse, 'listing quarantined blobs');
  }
}
