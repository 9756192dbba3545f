import type { IngestReader, Loan } from '../../store/content-store.ts';
import { heldBackBytes, type Fill } from '../fill/fill.ts';
import { PassthroughReader, wrongSize } from '../fill/passthrough-reader.ts';
import { ResumableBlob, type ResumableBlobOptions } from '../fill/resumable-blob.ts';
import type { BlobAnswer } from '../mirror.ts';
import { OpenReads } from './open-reads.ts';

export interface ArrivingBlobDeps {
  readonly fill: Fill;
  /** Whether the fill was under way before. */
  readonly joined: boolean;
  /** When the client asked, by the monotonic clock. */
  readonly startedAt: number;
  /** How to fetch the blob for this client alone, should the store fail. */
  readonly passthrough: Omit<ResumableBlobOptions, 'signal'>;
  readonly onDamage: (reason: unknown) => Promise<void>;
  /** Keeps the blob from being evicted. */
  readonly hold: Disposable;
}

/** A blob that is sent while it arrives: follows its fill, and fetches for itself if the store fails. */
export class ArrivingBlob implements BlobAnswer {
  readonly #deps: ArrivingBlobDeps;
  readonly #fill: Fill;
  readonly #reads: OpenReads;
  readonly #cancelling = new AbortController();
  /** The size that the client is told, in bytes. If the blob has another, its end never goes out. */
  #promised: number | undefined;
  /** For what is no longer in memory. */
  #stored: IngestReader | undefined;
  #own: PassthroughReader | undefined;
  /** Where the client began to read. */
  #begun: number | undefined;
  #upstreamMs = 0;

  constructor(deps: ArrivingBlobDeps) {
    this.#deps = deps;
    this.#fill = deps.fill;
    this.#reads = new OpenReads({ ...deps, digest: deps.fill.digest, end: () => this.#end() });
    deps.fill.acquire();
  }

  get result(): 'joined' | 'miss' {
    return this.#deps.joined ? 'joined' : 'miss';
  }

  get size(): number | undefined {
    return this.#promised ?? this.#fill.length.verified ?? this.#own?.size;
  }

  get upstreamMs(): number {
    return this.#upstreamMs;
  }

  /** Upstream has begun to answer. @param promised the size to tell the client; undefined while in doubt */
  begin(promised: number | undefined): void {
    this.#promised = promised;
    this.#upstreamMs = this.#deps.passthrough.clock.monotonic() - this.#deps.startedAt;
  }

  measured(): Promise<number | undefined> {
    return this.#reads.run(async () => {
      if (this.#promised !== undefined) return this.#promised;
      try {
        this.#promised = await this.#timed(this.#fill.length.told);
      } catch (error) {
        if (!this.#fill.detached) throw error;
      }
      return this.#promised;
    });
  }

  read(buffer: Uint8Array, length: number, position: number): Promise<number> {
    return this.#reads.run(async () => {
      const end = await this.#arrived(position);
      if (end === undefined) return this.#readAlone(buffer, length, position);
      return (await this.#reader()?.read(buffer, Math.min(length, end - position), position)) ?? 0;
    });
  }

  borrow(length: number, position: number): Promise<Loan | undefined> {
    return this.#reads.run(async () => {
      const end = await this.#arrived(position);
      const wanted = Math.min(length, (end ?? 0) - position);
      if (wanted <= 0) return undefined;
      return this.#fill.recent?.lend(wanted, position) ?? this.#reader()?.borrow(wanted, position);
    });
  }

  close(): Promise<void> {
    return this.#reads.close(() => {
      this.#cancelling.abort(new Error('the reader has left'));
      this.#fill.wake();
    });
  }

  async #end(): Promise<void> {
    using _ = this.#deps.hold;
    await this.#own?.close();
    this.#stored?.close();
    await this.#fill.release();
  }

  #reader(): IngestReader | undefined {
    this.#stored ??= this.#fill.reader();
    return this.#stored;
  }

  /**
   * Waits until the byte at `position` may go out, or none is to come. Resolves to where such bytes end;
   * undefined when the fill is detached.
   */
  async #arrived(position: number): Promise<number | undefined> {
    this.#begun ??= position;
    while (!this.#fill.detached) {
      this.#cancelling.signal.throwIfAborted();
      const { verified } = this.#fill.length;
      if (verified !== undefined && verified !== (this.#promised ?? verified)) throw wrongSize();
      const readable = this.#fill.readable();
      if (position < readable || verified !== undefined) return readable;
      await this.#timed(this.#fill.progress());
    }
    return undefined;
  }

  async #timed<T>(wait: Promise<T>): Promise<T> {
    const { clock } = this.#deps.passthrough;
    const startedAt = clock.monotonic();
    try {
      return await wait;
    } finally {
      this.#upstreamMs += clock.monotonic() - startedAt;
    }
  }

  async #readAlone(buffer: Uint8Array, length: number, position: number): Promise<number> {
    if (this.#own?.canReach(position) === false) {
      // What has gone by is kept nowhere.
      await this.#own.close();
      this.#own = undefined;
    }
    this.#own ??= this.#fetchAlone(position);
    return this.#timed(this.#own.read(buffer, length, position));
  }

  /** The whole blob, to be verified; or a part, for a client that wants one from the middle. */
  #fetchAlone(position: number): PassthroughReader {
    const { digest } = this.#fill;
    const end = (this.#promised ?? 0) - heldBackBytes;
    const part = this.#begun !== 0 && position < end ? { start: position, end } : undefined;
    const { signal } = this.#cancelling;
    const blob = new ResumableBlob(part?.start ?? 0, { ...this.#deps.passthrough, signal });
    return new PassthroughReader({ digest, blob, promised: this.#promised, part });
  }
}
