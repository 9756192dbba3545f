import { access, constants, lstat } from 'node:fs/promises';
import { byteSizeText } from '../../../base/byte-size.ts';
import type { Digest } from '../../../oci/digest.ts';
import type { ContentStore } from '../../../store/content-store.ts';
import { errnoOf } from '../../../store/file-error.ts';
import type { MetadataStore } from '../../../store/metadata-store.ts';
import { StoreError } from '../../../store/store-error.ts';
import { CareError } from '../care-error.ts';
import type { Allowance } from './allowance.ts';
import type { ImportJournal } from './import-journal.ts';
import { plainFile, type PlainFile } from './plain-path.ts';

/** A content store that can adopt files of its own machine. */
export interface AdoptingStore extends ContentStore {
  /**
   * Makes a file the blob of that digest, by link or copy, once it is verified; resolves to its size.
   * @throws {StoreError} `DIGEST_MISMATCH`; `INGEST_BUSY` while that blob is being written
   */
  adopt(digest: Digest, file: string): Promise<number>;
}

export interface BlobImportDeps {
  readonly content: AdoptingStore;
  readonly metadata: MetadataStore;
  readonly allowance: Allowance;
  readonly journal: ImportJournal;
}

/** Imports each blob once. The caller holds the blob in InUse. */
export class BlobImport {
  readonly #deps: BlobImportDeps;
  readonly #seen = new Set<Digest>();
  /** Whether the last blob was linked: then the next one probably takes no room on the disk, either. */
  #links = false;

  constructor(deps: BlobImportDeps) {
    this.#deps = deps;
  }

  /**
   * @param path where the bytes should be
   * @param isExpected whether to report it when they are not there
   * @throws {CareError} when there is no room for it, or the store fails
   */
  async take(digest: Digest, path: string, isExpected: () => Promise<boolean>): Promise<void> {
    const { metadata, journal } = this.#deps;
    if (this.#seen.has(digest)) return;
    this.#seen.add(digest);
    if ((await metadata.blob(digest)) !== undefined) {
      journal.count('held');
      return;
    }
    const file = await plainFile(path);
    if (file === undefined) {
      if (await isExpected()) journal.skip(`blob ${digest}`, 'is missing');
    } else if ('reason' in file) {
      journal.skip(`blob ${digest}`, file.reason);
    } else {
      await this.#adopt(digest, file);
    }
  }

  async #adopt(digest: Digest, { path, size }: PlainFile): Promise<void> {
    const { content, metadata, allowance, journal } = this.#deps;
    const refusal = await allowance.refusal(size, this.#links);
    if (refusal !== undefined) {
      const { blobs, bytes } = journal.report;
      throw new CareError(
        'failed',
        `no room for a blob of ${byteSizeText(size)}: ${refusal}. ` +
          `${blobs} blobs (${byteSizeText(bytes)}) were taken over and stay; make room, and import again to go on`,
      );
    }
    const adopted = await this.#sizeOfAdopted(digest, path);
    if (typeof adopted === 'string') {
      journal.skip(`blob ${digest}`, adopted);
      return;
    }
    await metadata.putBlob(digest, adopted);
    await content.recorded(digest);
    journal.took(adopted, this.#links);
  }

  /** The size of the adopted file, or what is wrong with it. The store's own trouble is thrown. */
  async #sizeOfAdopted(digest: Digest, path: string): Promise<number | string> {
    const { content } = this.#deps;
    try {
      await access(path, constants.R_OK);
      const { nlink } = await lstat(path);
      const size = await content.adopt(digest, path);
      this.#links = (await lstat(path)).nlink > nlink;
      return size;
    } catch (error) {
      const fault = faultOf(error);
      // One file may be unreadable while everything else works.
      if (error instanceof StoreError && error.code === 'IO') await content.check();
      if (fault === undefined) throw error;
      return fault;
    }
  }
}

/** What is wrong with a file; undefined when it is not the file's fault. */
function faultOf(error: unknown): string | undefined {
  if (error instanceof StoreError) {
    if (error.code === 'DIGEST_MISMATCH') return 'is damaged: its bytes are not what its digest says';
    if (error.code === 'INGEST_BUSY') return 'is being fetched from upstream just now';
    return error.code === 'IO' ? error.message : undefined;
  }
  const errno = errnoOf(error);
  if (errno === 'ENOENT') return 'is missing';
  return errno && `cannot be read (${errno})`;
}
