import type { Digest } from '../../oci/digest.ts';
import type { BlobReader, Loan } from '../../store/content-store.ts';
import type { BlobAnswer } from '../mirror.ts';
import { OpenReads } from './open-reads.ts';

export interface CachedBlobDeps {
  readonly digest: Digest;
  readonly reader: BlobReader;
  /** Told when bytes that should be there are not, before the error goes to the client. */
  readonly onDamage: (reason: unknown) => Promise<void>;
  /** Fetches the same blob anew, should this one turn out damaged before any of it was given out. */
  readonly refetch?: (() => Promise<BlobAnswer>) | undefined;
  /** Keeps the blob from being evicted. */
  readonly hold: Disposable;
}

/** A committed blob that is being sent to a client. */
export class CachedBlob implements BlobAnswer {
  readonly result = 'hit';
  readonly #deps: CachedBlobDeps;
  readonly #reads: OpenReads;
  #refetch: (() => Promise<BlobAnswer>) | undefined;
  #replacement: BlobAnswer | undefined;

  constructor(deps: CachedBlobDeps) {
    this.#deps = deps;
    this.#refetch = deps.refetch;
    this.#reads = new OpenReads({ ...deps, end: () => this.#end() });
  }

  get size(): number {
    return this.#deps.reader.size;
  }

  get upstreamMs(): number {
    return this.#replacement?.upstreamMs ?? 0;
  }

  measured(): Promise<number> {
    return Promise.resolve(this.size);
  }

  read(buffer: Uint8Array, length: number, position: number): Promise<number> {
    return this.#reads.run(async () => {
      if (this.#replacement !== undefined) return this.#replacement.read(buffer, length, position);
      try {
        const count = await this.#deps.reader.read(buffer, length, position);
        if (count === 0 && position < this.size) throw new Error('the stored blob ends too early');
        // What was given out may have been damaged, too: nothing else can be appended to it.
        if (count > 0) this.#refetch = undefined;
        return count;
      } catch (error) {
        const replacement = await this.#replace(error);
        if (replacement === undefined) throw error;
        return replacement.read(buffer, length, position);
      }
    });
  }

  borrow(length: number, position: number): Promise<Loan | undefined> {
    return this.#reads.run(async () => {
      const loan = await (this.#replacement ?? this.#deps.reader).borrow(length, position);
      if (loan !== undefined) this.#refetch = undefined;
      return loan;
    });
  }

  close(): Promise<void> {
    // A read of what is on disk ends soon; one that waits for upstream has to be let go.
    return this.#reads.close(() => void this.#replacement?.close());
  }

  /** The same blob from upstream, if it may still take the place of one that has failed with `error`. */
  async #replace(error: unknown): Promise<BlobAnswer | undefined> {
    const refetch = this.#refetch;
    if (refetch === undefined || this.#reads.closed) return undefined;
    this.#refetch = undefined;
    await this.#deps.onDamage(error);
    const replacement = await refetch();
    this.#replacement = replacement;
    if (this.#reads.closed) await replacement.close();
    return replacement;
  }

  async #end(): Promise<void> {
    using _ = this.#deps.hold;
    try {
      await this.#replacement?.close();
    } finally {
      await this.#deps.reader.close();
    }
  }
}
