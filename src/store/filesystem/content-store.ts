import { access, constants, open, rename, stat, unlink, type FileHandle } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Digest } from '../../oci/digest.ts';
import type { BlobReader, ContentStore, Ingest } from '../content-store.ts';
import { fileError, unlessMissing } from '../file-error.ts';
import { makeFolder, namesIn } from '../folder.ts';
import { StoreError } from '../store-error.ts';
import { FileBlobReader } from './blob-reader.ts';
import { FileIngest } from './ingest.ts';
import { Layout } from './layout.ts';

interface StoredBlob {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

/** Blobs as files under one root, as {@link Layout} lays them out. One process at a time writes to a root. */
export class FilesystemContentStore implements ContentStore {
  readonly #layout: Layout;
  readonly #ingesting = new Set<Digest>();

  /** Touches no disk; folders are made when they are first needed. */
  constructor(root: string) {
    this.#layout = new Layout(root);
  }

  /**
   * Makes the folders under `root` and sees that they can be written to.
   * @throws {StoreError} `NOT_WRITABLE` when they cannot
   */
  static async open(root: string): Promise<FilesystemContentStore> {
    const layout = new Layout(root);
    try {
      for (const folder of [layout.blobs, layout.ingest]) {
        await makeFolder(folder);
        await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
      }
    } catch (cause) {
      throw fileError(`opening the content store in ${resolve(root)}`, cause);
    }
    return new FilesystemContentStore(root);
  }

  async size(digest: Digest): Promise<number | undefined> {
    try {
      return (await unlessMissing(stat(this.#layout.blob(digest))))?.size;
    } catch (cause) {
      throw fileError('looking for a blob', cause);
    }
  }

  async open(digest: Digest): Promise<BlobReader | undefined> {
    let file: FileHandle | undefined;
    try {
      file = await unlessMissing(open(this.#layout.blob(digest), constants.O_RDONLY));
      return file === undefined ? undefined : new FileBlobReader(file, (await file.stat()).size);
    } catch (cause) {
      await file?.close();
      throw fileError('opening a blob', cause);
    }
  }

  async ingest(digest: Digest): Promise<Ingest> {
    if (this.#ingesting.has(digest)) {
      throw new StoreError('INGEST_BUSY', `${digest} is being written already`);
    }
    this.#ingesting.add(digest);
    const release = () => this.#ingesting.delete(digest);
    try {
      // A blob that is here although someone wants to write it was committed just before a crash, and never recorded.
      // As a partial blob it is checked again and can be committed again, without a download.
      await unlessMissing(rename(this.#layout.blob(digest), this.#layout.partial(digest)));
      return await FileIngest.open(digest, this.#layout, release);
    } catch (cause) {
      release();
      throw fileError('starting an ingest', cause);
    }
  }

  async remove(digest: Digest): Promise<boolean> {
    try {
      return await removeFile(this.#layout.blob(digest));
    } catch (cause) {
      throw fileError('removing a blob', cause);
    }
  }

  async *list(): AsyncIterable<StoredBlob> {
    for (const algorithm of ['sha256', 'sha512']) {
      for (const shard of await this.#names(join(this.#layout.blobs, algorithm))) {
        for (const name of await this.#names(join(this.#layout.blobs, algorithm, shard))) {
          const digest = this.#layout.blobDigest(algorithm, shard, name);
          const size = digest === undefined ? undefined : await this.size(digest);
          if (digest !== undefined && size !== undefined) yield { digest, size };
        }
      }
    }
  }

  async *listPartial(): AsyncIterable<StoredBlob> {
    for await (const { digest, size } of this.#partials()) yield { digest, size };
  }

  async removePartials(before: number): Promise<number> {
    let removed = 0;
    for await (const { digest, writtenAt } of this.#partials()) {
      if (writtenAt >= before || this.#ingesting.has(digest)) continue;
      try {
        if (await removeFile(this.#layout.partial(digest))) removed += 1;
      } catch (cause) {
        throw fileError('removing a partial blob', cause);
      }
    }
    return removed;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async *#partials(): AsyncIterable<StoredBlob & { readonly writtenAt: number }> {
    for (const name of await this.#names(this.#layout.ingest)) {
      const digest = this.#layout.partialDigest(name);
      if (digest === undefined) continue;
      try {
        const file = await unlessMissing(stat(this.#layout.partial(digest)));
        if (file !== undefined) yield { digest, size: file.size, writtenAt: file.mtimeMs };
      } catch (cause) {
        throw fileError('listing partial blobs', cause);
      }
    }
  }

  async #names(folder: string): Promise<readonly string[]> {
    try {
      return await namesIn(folder);
    } catch (cause) {
      throw fileError('listing blobs', cause);
    }
  }
}

async function removeFile(path: string): Promise<boolean> {
  const removed = await unlessMissing(unlink(path).then(() => true));
  return removed ?? false;
}
