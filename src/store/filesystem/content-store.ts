import promises, { access, constants, stat, type FileHandle } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { digestAlgorithms, type Digest } from '../../oci/digest.ts';
import { systemClock } from '../../base/system-clock.ts';
import type {
  BlobReader,
  ContentStore,
  Ingest,
  PartialBlob,
  QuarantinedBlob,
  Room,
  StoredBlob,
  VerifyResult,
  VerifyOptions,
} from '../content-store.ts';
import { fileError, reading, readError, unlessMissing, writing } from '../file-error.ts';
import { makeFolder, namesIn, removeFile } from '../folder.ts';
import { StoreError } from '../store-error.ts';
import { Adoption } from './adoption.ts';
import { FileBlobReader } from './blob-reader.ts';
import type { FileSystem } from './file-system.ts';
import { HashThread } from './hash-thread.ts';
import { FileIngest } from './ingest.ts';
import { Layout } from './layout.ts';
import { Partials } from './partials.ts';
import { Quarantine } from './quarantine.ts';
import { Removals } from './removals.ts';
import { Reserve } from './reserve.ts';
import { SharedChunks } from './shared-chunks.ts';
import { Unrecorded } from './unrecorded.ts';
import { Volume } from './volume.ts';
import { FileVerifier } from './file-verifier.ts';

interface FilesystemContentStoreOptions {
  /** Dates what is quarantined; the machine's if not given. */
  readonly clock?: Pick<Clock, 'now'>;
  /** Node's if not given. */
  readonly files?: FileSystem;
}

/** Blobs as files under one root, as {@link Layout} lays them out. One process at a time writes to a root. */
export class FilesystemContentStore implements ContentStore {
  readonly #layout: Layout;
  readonly #files: FileSystem;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #thread = new HashThread();
  readonly #verifier: FileVerifier;
  readonly #adoption: Adoption;
  readonly #partials: Partials;
  readonly #quarantine: Quarantine;
  readonly #reserve: Reserve;
  readonly #volume: Volume;
  readonly #unrecorded: Unrecorded;
  readonly #chunks = new SharedChunks();
  /** Digests whose files somebody is making, by an ingest or an adoption. */
  readonly #making = new Map<Digest, PromiseWithResolvers<void>>();
  /** Committed blobs that are being removed or quarantined. */
  readonly #removals = new Removals();

  /** Touches no disk; folders are made when they are first needed. */
  constructor(root: string, { clock = systemClock(), files = promises }: FilesystemContentStoreOptions = {}) {
    const layout = new Layout(root);
    const verifier = new FileVerifier(this.#thread);
    const unrecorded = new Unrecorded(layout);
    this.#layout = layout;
    this.#files = files;
    this.#clock = clock;
    this.#verifier = verifier;
    this.#unrecorded = unrecorded;
    this.#adoption = new Adoption({ layout, files, verifier, unrecorded });
    this.#partials = new Partials({ layout, files, isOpen: (digest) => this.#making.has(digest) });
    this.#quarantine = new Quarantine(layout, files);
    this.#reserve = new Reserve(layout, files);
    this.#volume = new Volume(layout, files, this.#reserve);
  }

  /**
   * Creates the folders under `root`, checks that they are writable, and removes leftovers of a crash.
   * @throws {StoreError} `NOT_WRITABLE` when they are not
   */
  static async open(
    root: string,
    options: FilesystemContentStoreOptions = {},
  ): Promise<FilesystemContentStore> {
    const store = new FilesystemContentStore(root, options);
    try {
      for (const folder of [store.#layout.blobs, store.#layout.ingest]) {
        await makeFolder(folder);
        await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
      }
      await store.#volume.clear();
      await store.#adoption.clear();
    } catch (cause) {
      throw fileError(`opening the content store in ${resolve(root)}`, cause);
    }
    return store;
  }

  get removals(): number {
    return this.#removals.begun;
  }

  async size(digest: Digest): Promise<number | undefined> {
    if (this.#removals.has(digest)) return undefined;
    try {
      return (await unlessMissing(stat(this.#layout.blob(digest))))?.size;
    } catch (cause) {
      throw readError('looking for a blob', cause);
    }
  }

  async open(digest: Digest): Promise<BlobReader | undefined> {
    if (this.#removals.has(digest)) return undefined;
    let file: FileHandle | undefined;
    try {
      file = await unlessMissing(this.#files.open(this.#layout.blob(digest), constants.O_RDONLY));
      return file === undefined ? undefined : await FileBlobReader.over(file, this.#chunks);
    } catch (cause) {
      await file?.close();
      throw readError('opening a blob', cause);
    }
  }

  async ingest(digest: Digest): Promise<Ingest> {
    const release = this.#make(digest);
    let ingest: FileIngest | undefined;
    try {
      await this.#removals.settled(digest);
      await this.#partials.settled(digest);
      // A blob that is here already was committed just before a crash, and never recorded. As a partial blob
      // it is checked and committed again, without a download.
      const taken = await unlessMissing(
        this.#files.rename(this.#layout.blob(digest), this.#layout.partial(digest)).then(() => true),
      );
      ingest = await FileIngest.open(digest, {
        layout: this.#layout,
        files: this.#files,
        unrecorded: this.#unrecorded,
        chunks: this.#chunks,
        release,
      });
      // It was whole once: something is wrong in it, be it only that its end is missing.
      if (taken === true && !ingest.matches()) await ingest.restart();
      return ingest;
    } catch (cause) {
      await ingest?.close().catch(() => undefined);
      release();
      throw fileError('starting an ingest', cause);
    }
  }

  async settled(digest: Digest): Promise<void> {
    for (let made = this.#making.get(digest); made !== undefined; made = this.#making.get(digest)) {
      await made.promise;
    }
  }

  async remove(digest: Digest): Promise<boolean> {
    if (this.#making.has(digest)) return false;
    return this.#removals.run(digest, () =>
      writing('removing a blob', () => removeFile(this.#layout.blob(digest), this.#files)),
    );
  }

  async *list(): AsyncIterable<StoredBlob> {
    const { blobs } = this.#layout;
    const names = (folder: string) => reading('listing blobs', () => namesIn(folder));
    for (const algorithm of digestAlgorithms) {
      for (const shard of await names(join(blobs, algorithm))) {
        for (const name of await names(join(blobs, algorithm, shard))) {
          const digest = this.#layout.blobDigest(algorithm, shard, name);
          const size = digest === undefined ? undefined : await this.size(digest);
          if (digest !== undefined && size !== undefined) yield { digest, size };
        }
      }
    }
  }

  unrecorded(): Promise<readonly Digest[]> {
    return writing('listing blobs that are not recorded', () => this.#unrecorded.list());
  }

  recorded(digest: Digest): Promise<void> {
    return writing('noting that a blob is recorded', () => this.#unrecorded.clear(digest));
  }

  listPartial(): AsyncIterable<PartialBlob> {
    return this.#partials.list();
  }

  removePartial(digest: Digest): Promise<boolean> {
    return this.#partials.remove(digest);
  }

  removePartials(before: number): Promise<number> {
    return this.#partials.removeBefore(before);
  }

  async verify(digest: Digest, options: VerifyOptions = {}): Promise<VerifyResult> {
    if (this.#removals.has(digest)) return 'missing';
    return this.#verifier.verdict(digest, this.#layout.blob(digest), options);
  }

  async quarantine(digest: Digest): Promise<boolean> {
    if (this.#making.has(digest)) return false;
    return this.#removals.run(digest, () => this.#quarantine.take(digest, this.#clock.now()));
  }

  listQuarantined(): AsyncIterable<QuarantinedBlob> {
    return this.#quarantine.list();
  }

  removeQuarantined(before: number): Promise<number> {
    return this.#quarantine.removeBefore(before);
  }

  /**
   * Adopts a regular file as the blob of that digest: verified, then linked where possible, else copied. The
   * file is only read. Waits for a pending removal of that digest.
   * @returns its size in bytes
   * @throws {StoreError} `DIGEST_MISMATCH`; `INGEST_BUSY` while an ingest of that digest is open
   */
  async adopt(digest: Digest, file: string): Promise<number> {
    const release = this.#make(digest);
    try {
      await this.#removals.settled(digest);
      return await this.#adoption.adopt(digest, file);
    } finally {
      release();
    }
  }

  room(): Promise<Room> {
    return this.#volume.room();
  }

  check(): Promise<void> {
    return this.#volume.check();
  }

  keepReserve(): Promise<boolean> {
    return this.#reserve.keep();
  }

  spendReserve(): Promise<boolean> {
    return this.#reserve.spend();
  }

  /** Ends the thread that verifies, if there is one. */
  close(): Promise<void> {
    return this.#thread[Symbol.asyncDispose]();
  }

  /** Claims the files of a digest for one maker, until the function that it returns is called. */
  #make(digest: Digest): () => void {
    if (this.#making.has(digest)) {
      throw new StoreError('INGEST_BUSY', `${digest} is being written already`);
    }
    const made = Promise.withResolvers<void>();
    this.#making.set(digest, made);
    return () => {
      // Called again it must not give away the claim of the next one.
      if (this.#making.get(digest) === made) this.#making.delete(digest);
      made.resolve();
    };
  }
}
