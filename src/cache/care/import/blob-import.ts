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

/** A content store that can take files of its own machine over. */
export interface AdoptingStore extends ContentStore {
  /**
   * Makes a file the blob of that digest, by a link or a copy, once its bytes are verified; resolves to its size.
   * @throws {StoreError} `DIGEST_MISMATCH`; `INGEST_BUSY` while that blob is being written
   */
  adopt(digest: Digest, file: string): Promise<number>;
}

export interface BlobImportOptions {
  readonly content: AdoptingStore;
  readonly metadata: MetadataStore;
  readonly allowance: Allowance;
  readonly journal: ImportJournal;
}

/** Takes blobs over, each once. Whoever calls it holds the blob in InUse. */
export class BlobImport {
  readonly #content: AdoptingStore;
  readonly #metadata: MetadataStore;
  readonly #allowance: Allowance;
  readonly #journal: ImportJournal;
  readonly #seen = new Set<Digest>();
  /** Whether the last blob was linked: then the next one will probably take no room on the disk, either. */
  #links = false;

  constructor({ content, metadata, allowance, journal }: BlobImportOptions) {
    this.#content = content;
    this.#metadata = metadata;
    this.#allowance = allowance;
    this.#journal = journal;
  }

  /**
   * @param path where the bytes are, if they are
   * @param isExpected whether it is news when they are not
   * @throws {CareError} when there is no room for it, or the store fails
   */
  async take(digest: Digest, path: string, isExpected: () => Promise<boolean>): Promise<void> {
    if (this.#seen.has(digest)) return;
    this.#seen.add(digest);
    if ((await this.#metadata.blob(digest)) !== undefined) {
      this.#journal.count('held');
      return;
    }
    const file = await plainFile(path);
    if (file === undefined) {
      if (await isExpected()) this.#journal.skip(`blob ${digest}`, 'is missing');
    } else if ('reason' in file) {
      this.#journal.skip(`blob ${digest}`, file.reason);
    } else {
      await this.#adopt(digest, file);
    }
  }

  async #adopt(digest: Digest, { path, size }: PlainFile): Promise<void> {
    const refusal = await this.#allowance.refusal(size, this.#links);
    if (refusal !== undefined) {
      const { blobs, bytes } = this.#journal.report;
      throw new CareError(
        'failed',
        `no room for a blob of ${byteSizeText(size)}: ${refusal}. ${blobs} blobs (${byteSizeText(bytes)}) were taken over and stay; make room, and import again to go on`,
      );
    }
    const adopted = await this.#sizeOfAdopted(digest, path);
    if (typeof adopted === 'string') {
      this.#journal.skip(`blob ${digest}`, adopted);
      return;
    }
    await this.#metadata.putBlob(digest, adopted);
    await this.#content.recorded(digest);
    this.#journal.took(adopted, this.#links);
  }

  /** Its size, or what is wrong with the file. */
  async #sizeOfAdopted(digest: Digest, path: string): Promise<number | string> {
    try {
      await access(path, constants.R_OK);
      const { nlink } = await lstat(path);
      const size = await this.#content.adopt(digest, path);
      this.#links = (await lstat(path)).nlink > nlink;
      return size;
    } catch (error) {
      return this.#faultOf(error);
    }
  }

  /** What is wrong with the file; the store's own trouble is thrown on. */
  async #faultOf(error: unknown): Promise<string> {
    if (!(error instanceof StoreError)) {
      const errno = errnoOf(error);
      if (errno === undefined) throw error;
      return errno === 'ENOENT' ? 'is missing' : `cannot be read (${errno})`;
    }
    if (error.code === 'DIGEST_MISMATCH') return 'is damaged: its bytes are not what its digest says';
    if (error.code === 'INGEST_BUSY') return 'is being fetched from upstream just now';
    if (error.code !== 'IO') throw error;
    // One file may be unreadable while all else works.
    await this.#content.check();
    return error.message;
  }
}
