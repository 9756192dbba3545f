import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DigestVerifier, type Digest } from '../../oci/digest.ts';
import type { Ingest, IngestReader } from '../content-store.ts';
import { fileError, readError, unlessMissing } from '../file-error.ts';
import { inFolder, moveFile, syncFolder } from '../folder.ts';
import { StoreError } from '../store-error.ts';
import type { FileSystem } from './file-system.ts';
import type { Layout } from './layout.ts';
import type { SharedChunks } from './shared-chunks.ts';
import { SharedReader, type SharedFile } from './shared-reader.ts';
import type { Unrecorded } from './unrecorded.ts';
import { writeAll } from './write-all.ts';

/** Bytes hashed between two turns of the event loop while a partial blob is taken up again. */
const rehashBytes = 1024 * 1024;

interface FileIngestDeps {
  readonly layout: Layout;
  readonly files: FileSystem;
  readonly unrecorded: Unrecorded;
  /** What its readers share. */
  readonly chunks: SharedChunks;
  /** Called once, when the ingest has let go of the file's name. */
  readonly release: () => void;
}

/**
 * A blob being written to its partial file. One handle serves all writes and reads, so that neither the
 * rename of a commit nor the removal of a discard affects readers. A file with several hard links, through an
 * adoption or a backup, is never written to or truncated.
 */
export class FileIngest implements Ingest, SharedFile {
  readonly digest: Digest;
  readonly #deps: FileIngestDeps;
  #file: FileHandle;
  #name = randomUUID();
  /** Whether the file has another name besides. It is then a whole blob. */
  #shared = false;
  #path: string;
  #verifier: DigestVerifier;
  #offset = 0;
  #ended = false;
  #failure: StoreError | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(digest: Digest, file: FileHandle, deps: FileIngestDeps) {
    this.digest = digest;
    this.#file = file;
    this.#deps = deps;
    this.#path = deps.layout.partial(digest);
    this.#verifier = new DigestVerifier(digest);
  }

  /**
   * Opens or creates the partial file, and hashes its contents. One with other hard links is kept only if it
   * is complete.
   * @throws {StoreError}
   */
  static async open(digest: Digest, deps: FileIngestDeps): Promise<FileIngest> {
    const { layout, files } = deps;
    let file: FileHandle | undefined;
    try {
      file = await inFolder(layout.ingest, () => openPartial(layout.partial(digest), files));
      const ingest = new FileIngest(digest, file, deps);
      await ingest.#rehash();
      ingest.#shared = (await file.stat()).nlink > 1;
      if (ingest.#shared && !ingest.#verifier.matches()) await ingest.#replace();
      return ingest;
    } catch (cause) {
      await file?.close();
      throw fileError('opening a partial blob', cause);
    }
  }

  get offset(): number {
    return this.#offset;
  }

  write(chunks: readonly Uint8Array[]): Promise<void> {
    return this.#next('writing a blob', async () => {
      this.#assertWritable();
      if (chunks.every(({ length }) => length === 0)) return;
      if (this.#shared) this.#refuse(new StoreError('IO', 'the blob was whole already'));
      const writing = writeAll(this.#file, chunks, this.#offset);
      // The bytes are hashed here while a pool thread writes them.
      for (const chunk of chunks) this.#verifier.update(chunk);
      try {
        this.#offset += await writing;
      } catch (cause) {
        await this.#fail(cause);
      }
    });
  }

  get name(): string {
    return this.#name;
  }

  get length(): number {
    return this.#offset;
  }

  get grows(): boolean {
    return !this.#ended;
  }

  reader(): IngestReader {
    return new SharedReader(this, this.#deps.chunks);
  }

  async read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    const wanted = Math.min(length, this.#offset - position);
    if (wanted <= 0) return 0;
    const { bytesRead } = await this.#file.read(buffer, offset, wanted, position).catch((cause: unknown) => {
      throw readError('reading a partial blob', cause);
    });
    if (bytesRead === 0 && position < this.#offset) {
      throw new StoreError('IO', 'the partial blob is shorter on disk than it was');
    }
    return bytesRead;
  }

  matches(): boolean {
    return this.#failure === undefined && this.#verifier.matches();
  }

  commit(): Promise<void> {
    return this.#next('committing a blob', async () => {
      this.#assertWritable();
      if (!this.#verifier.matches()) {
        await this.#drop();
        throw new StoreError('DIGEST_MISMATCH', `${this.#offset} bytes do not hash to ${this.digest}`);
      }
      const target = this.#deps.layout.blob(this.digest);
      await this.#syncOrDrop(() => this.#file.sync());
      await this.#deps.unrecorded.mark(this.digest);
      await moveFile(this.#path, target, this.#deps.files);
      this.#path = target;
      await this.#syncOrDrop(() => syncFolder(dirname(target)));
      this.#end();
    });
  }

  discard(): Promise<void> {
    return this.#next('discarding a partial blob', async () => {
      if (!this.#ended) await this.#drop();
    });
  }

  restart(): Promise<void> {
    return this.#next('restarting a blob', async () => {
      if (this.#ended) throw new StoreError('IO', 'the ingest has ended');
      try {
        await this.#replace();
      } catch (cause) {
        this.#refuse(cause);
      }
    });
  }

  suspend(): Promise<void> {
    return this.#next('suspending a partial blob', () => this.#letGo());
  }

  close(): Promise<void> {
    return this.#next('closing a partial blob', async () => {
      try {
        await this.#letGo();
      } finally {
        await this.#file.close();
      }
    });
  }

  /** One operation after the other, so that a discard or a close waits for the write under way. */
  #next(doing: string, operation: () => Promise<void>): Promise<void> {
    const result = this.#turn.then(operation).catch((cause: unknown) => {
      throw fileError(doing, cause);
    });
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #rehash(): Promise<void> {
    const buffer = Buffer.allocUnsafe(rehashBytes);
    for (;;) {
      const { bytesRead } = await this.#file.read(buffer, 0, rehashBytes, this.#offset);
      if (bytesRead === 0) return;
      this.#verifier.update(buffer.subarray(0, bytesRead));
      this.#offset += bytesRead;
    }
  }

  #assertWritable(): void {
    if (this.#ended) throw new StoreError('IO', 'the ingest has ended');
    if (this.#failure !== undefined) {
      throw new StoreError(this.#failure.code, 'an earlier write failed', { cause: this.#failure });
    }
  }

  /**
   * File and hash may differ now, so nothing more is written until {@link restart}, or a new ingest, which
   * hashes the file again. Truncating only frees space, and may fail.
   */
  async #fail(cause: unknown): Promise<never> {
    try {
      return this.#refuse(cause);
    } finally {
      await this.#file.truncate(this.#offset).catch(() => undefined);
    }
  }

  #refuse(cause: unknown): never {
    this.#failure = fileError('writing a blob', cause);
    throw this.#failure;
  }

  /** Starts a new file. The old one may be open elsewhere or have other links, so it is not truncated. */
  async #replace(): Promise<void> {
    const before = this.#file;
    this.#offset = 0;
    this.#verifier = new DigestVerifier(this.digest);
    await unlessMissing(this.#deps.files.unlink(this.#path));
    this.#file = await inFolder(this.#deps.layout.ingest, () => openPartial(this.#path, this.#deps.files));
    this.#name = randomUUID();
    this.#shared = false;
    this.#failure = undefined;
    // It ends when the reads under way on it have. Nothing that was written to it is wanted.
    await before.close().catch(() => undefined);
  }

  /** After a failed flush the kernel may drop the bytes and report success the next time. */
  async #syncOrDrop(flush: () => Promise<void>): Promise<void> {
    try {
      await flush();
    } catch (cause) {
      // The flush is the news, also where the file cannot be removed either.
      await this.#drop().catch(() => undefined);
      throw cause;
    }
  }

  async #drop(): Promise<void> {
    try {
      await unlessMissing(this.#deps.files.unlink(this.#path));
      await this.#deps.unrecorded.clear(this.digest);
    } finally {
      this.#end();
    }
  }

  /** Keeps the bytes for later, unless there are none to keep. */
  async #letGo(): Promise<void> {
    if (this.#ended) return;
    if (this.#offset === 0) await this.#drop();
    else this.#end();
  }

  #end(): void {
    this.#ended = true;
    this.#deps.release();
  }
}

function openPartial(path: string, files: FileSystem): Promise<FileHandle> {
  return files.open(path, constants.O_RDWR | constants.O_CREAT, 0o644);
}
