import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { fileError, unlessMissing, writing } from '../file-error.ts';
import { removeFile } from '../folder.ts';
import type { FileSystem } from './file-system.ts';
import type { Layout } from './layout.ts';

/** As much as the database writes in some steps of an eviction. */
export const reserveBytes = 4 * 1024 * 1024;

/**
 * Disk space reserved for when the disk is full: to evict, the database has to write first. It is a file of
 * noise, which no file system can compress. After a crash there is the whole file, or room for it.
 */
export class Reserve {
  readonly #layout: Layout;
  readonly #files: FileSystem;

  constructor(layout: Layout, files: FileSystem) {
    this.#layout = layout;
    this.#files = files;
  }

  /** Bytes that it has still to take. */
  async missing(): Promise<number> {
    const size = (await unlessMissing(stat(this.#layout.reserve)))?.size ?? 0;
    return Math.max(0, reserveBytes - size);
  }

  /** Makes it, unless it is there. False where the disk is too full for it. */
  keep(): Promise<boolean> {
    return writing('keeping a reserve', () => this.#keep());
  }

  /** Gives it up. False when there was none. */
  spend(): Promise<boolean> {
    return writing('giving up the reserve', () => removeFile(this.#layout.reserve, this.#files));
  }

  async #keep(): Promise<boolean> {
    const missing = await this.missing();
    if (missing === 0) return true;
    const { bsize, bavail } = await this.#files.statfs(this.#layout.root);
    if (bavail * bsize < missing) return false;
    const noise = await promisify(randomBytes)(reserveBytes);
    try {
      await this.#write(noise);
      return true;
    } catch (cause) {
      await this.spend();
      // Some have a share of the disk that is smaller than what it says of itself.
      if (fileError('keeping a reserve', cause).code !== 'NO_SPACE') throw cause;
      return false;
    }
  }

  async #write(noise: Buffer): Promise<void> {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC;
    await using file = await this.#files.open(this.#layout.reserve, flags, 0o600);
    await file.writeFile(noise);
  }
}
