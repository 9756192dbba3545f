import type { Digest } from '../../oci/digest.ts';
import { RegistryError, registryErrors } from '../../oci/error.ts';
import type { Loan } from '../../store/content-store.ts';
import { UpstreamError } from '../../upstream/registry.ts';
import type { BlobSource } from './blob-source.ts';
import { OtherBytesError } from '../fill/received-prefix.ts';
import type { BlobAnswer, CacheResult } from '../mirror.ts';
import { clientError } from '../../upstream/failure-policy.ts';

export interface OpenBlobOptions {
  readonly digest: Digest;
  readonly source: BlobSource;
  readonly result: CacheResult;
  /** Milliseconds that it took upstream to begin. */
  readonly upstreamMs: number;
  /** Told when bytes that should be there are not, before the error goes to the client. */
  readonly onDamage: (reason: unknown) => Promise<void>;
  /** Another source of the same bytes, for when this one turns out damaged before any of it was given out. */
  readonly refetch?: (() => Promise<BlobSource>) | undefined;
  /** Called once, when nothing is read any more. */
  readonly onClose: () => void;
}

/** A blob that is being sent to a client: turns failures into RegistryErrors, and closes its source only when no read is under way. */
export class OpenBlob implements BlobAnswer {
  readonly result: CacheResult;
  readonly #openingMs: number;
  readonly #digest: Digest;
  #source: BlobSource;
  readonly #onDamage: (reason: unknown) => Promise<void>;
  readonly #onClose: () => void;
  #refetch: (() => Promise<BlobSource>) | undefined;
  #reads = 0;
  #closed = false;

  constructor({ result, upstreamMs, digest, source, onDamage, refetch, onClose }: OpenBlobOptions) {
    this.result = result;
    this.#openingMs = upstreamMs;
    this.#digest = digest;
    this.#source = source;
    this.#onDamage = onDamage;
    this.#refetch = refetch;
    this.#onClose = onClose;
  }

  get size(): number | undefined {
    return this.#source.size;
  }

  get upstreamMs(): number {
    return this.#openingMs + this.#source.waitedMs;
  }

  measured(): Promise<number | undefined> {
    return this.#guarded(() => this.#source.measured());
  }

  read(buffer: Uint8Array, length: number, position: number): Promise<number> {
    return this.#guarded(async () => {
      try {
        return await this.#readSource(buffer, length, position);
      } catch (error) {
        if (!(await this.#replaced(error))) throw error;
        return await this.#readSource(buffer, length, position);
      }
    });
  }

  borrow(length: number, position: number): Promise<Loan | undefined> {
    return this.#guarded(async () => {
      const loan = await this.#source.borrow(length, position);
      if (loan !== undefined) this.#refetch = undefined;
      return loan;
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#source.cancel();
    if (this.#reads === 0) await this.#end();
  }

  async #readSource(buffer: Uint8Array, length: number, position: number): Promise<number> {
    const count = await this.#source.read(buffer, length, position);
    if (count === 0 && position < (this.size ?? 0)) throw new Error('the stored blob ends too early');
    // What was given out may have been damaged, too: nothing else can be appended to it.
    if (count > 0) this.#refetch = undefined;
    return count;
  }

  /** Whether there is another source in place of one that has failed with `error`. */
  async #replaced(error: unknown): Promise<boolean> {
    const refetch = this.#refetch;
    if (refetch === undefined || this.#closed) return false;
    this.#refetch = undefined;
    await this.#onDamage(error);
    const damaged = this.#source;
    this.#source = await refetch();
    await damaged.close();
    if (this.#closed) this.#source.cancel();
    return true;
  }

  async #end(): Promise<void> {
    try {
      await this.#source.close();
    } finally {
      this.#onClose();
    }
  }

  async #guarded<T>(operation: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new Error('the blob is closed');
    this.#reads += 1;
    try {
      return await operation();
    } catch (error) {
      throw await this.#clientError(error);
    } finally {
      this.#reads -= 1;
      if (this.#closed && this.#reads === 0) await this.#end();
    }
  }

  async #clientError(error: unknown): Promise<Error> {
    if (error instanceof RegistryError) return error;
    if (error instanceof UpstreamError) {
      return clientError(error, () => registryErrors.blobUnknown(this.#digest, { cause: error }));
    }
    if (error instanceof OtherBytesError) return registryErrors.badGateway(error.message, { cause: error });
    if (!this.#closed) await this.#onDamage(error);
    return registryErrors.internal({ cause: error });
  }
}
