import { constants } from 'node:fs';
import { join } from 'node:path';
import type { Room } from '../content-store.ts';
import { fileError, unlessMissing, writing } from '../file-error.ts';
import { inFolder, moveFile } from '../folder.ts';
import type { FileSystem } from './file-system.ts';
import type { Layout } from './layout.ts';
import type { Reserve } from './reserve.ts';

const probeName = 'write-check';
/** At least one block, and more than fits into an inode, where some file systems keep short files. */
const probeBytes = Buffer.alloc(4096);

/** The volume under a store: how much room there is, and whether it can be written to. */
export class Volume {
  readonly #layout: Layout;
  readonly #files: FileSystem;
  readonly #reserve: Reserve;
  #checking: Promise<void> | undefined;

  constructor(layout: Layout, files: FileSystem, reserve: Reserve) {
    this.#layout = layout;
    this.#files = files;
    this.#reserve = reserve;
  }

  /** What the reserve takes, or has to take again, is not free. */
  room(): Promise<Room> {
    return writing('asking how much room there is', async () => {
      const { bsize, blocks, bavail, files, ffree } = await this.#files.statfs(this.#layout.root);
      const free = Math.max(0, bavail * bsize - (await this.#reserve.missing()));
      return { size: blocks * bsize, free, files, freeFiles: ffree };
    });
  }

  /**
   * Writes a few bytes as a blob is: created in one folder, flushed, renamed into the other. Then removes
   * them.
   */
  async check(): Promise<void> {
    // Two at once would take each other's file away.
    this.#checking ??= this.#check().finally(() => (this.#checking = undefined));
    await this.#checking;
  }

  /** Removes what a crash in the middle of {@link check} left. */
  async clear(): Promise<void> {
    for (const path of this.#probes()) await unlessMissing(this.#files.unlink(path));
  }

  async #check(): Promise<void> {
    const [from, to] = this.#probes();
    try {
      await inFolder(this.#layout.ingest, () => this.#write(from));
      await moveFile(from, to, this.#files);
      await this.clear();
    } catch (cause) {
      // What keeps it from being written is the news, not that the rest of it cannot be removed either.
      await this.clear().catch(() => undefined);
      throw fileError('writing to the content store', cause);
    }
  }

  async #write(path: string): Promise<void> {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC;
    await using file = await this.#files.open(path, flags);
    await file.writeFile(probeBytes);
    await file.sync();
  }

  #probes(): readonly [string, string] {
    return [join(this.#layout.ingest, probeName), join(this.#layout.blobs, probeName)];
  }
}
