import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '../../oci/digest.ts';
import type { QuarantinedBlob } from '../content-store.ts';
import { fileError, unlessMissing } from '../file-error.ts';
import { moveFile, namesIn, removeFile } from '../folder.ts';
import type { FileSystem } from './file-system.ts';
import type { Layout } from './layout.ts';

/** Damaged blobs, kept apart for whoever wants to know what became of them. */
export class Quarantine {
  readonly #layout: Layout;
  readonly #files: FileSystem;

  constructor(layout: Layout, files: FileSystem) {
    this.#layout = layout;
    this.#files = files;
  }

  /**
   * Moves a blob's file in. Not flushed: should a power cut undo it, the blob is found damaged again.
   * @returns false when there is no such blob
   */
  async take(digest: Digest, at: number): Promise<boolean> {
    const from = this.#layout.blob(digest);
    try {
      // Looked for first, as a folder that is missing would be made and then say the same of the file.
      if ((await unlessMissing(stat(from))) === undefined) return false;
      await moveFile(from, this.#layout.quarantined(digest, at), this.#files);
      return true;
    } catch (cause) {
      throw fileError('quarantining a blob', cause);
    }
  }

  async *list(): AsyncIterable<QuarantinedBlob> {
    try {
      for (const name of await namesIn(this.#layout.quarantine)) {
        const blob = this.#layout.quarantinedBlob(name);
        if (blob === undefined) continue;
        const file = await unlessMissing(stat(join(this.#layout.quarantine, name)));
        if (file !== undefined) yield { digest: blob.digest, size: file.size, quarantinedAt: blob.at };
      }
    } catch (cause) {
      throw fileError('listing quarantined blobs', cause);
    }
  }

  async removeBefore(before: number): Promise<number> {
    let removed = 0;
    for await (const { digest, quarantinedAt } of this.list()) {
      if (quarantinedAt >= before) continue;
      const path = this.#layout.quarantined(digest, quarantinedAt);
      try {
        if (await removeFile(path, this.#files)) removed += 1;
      } catch (cause) {
        throw fileError('removing a quarantined blob', cause);
      }
    }
    return removed;
  }
}
