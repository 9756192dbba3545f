import { lru } from '../base/lru.ts';
import type { Digest } from '../oci/digest.ts';

/** Prefetched bytes. */
export interface PullAheadCounts {
  readonly bytes: number;
  /** Of these, what no client has requested since. */
  readonly unaskedBytes: number;
}

/** Counts what pull-ahead fetches, and how much of it in vain. */
export class PullAheadCounter {
  #bytes = 0;
  #unasked = 0;
  /** Bytes of each blob that were not requested yet. What the LRU drops counts as never requested. */
  readonly #blobs = lru<Digest, { readonly bytes: number; readonly asked: boolean }>(50_000);

  get counts(): PullAheadCounts {
    return { bytes: this.#bytes, unaskedBytes: this.#unasked };
  }

  /** The fetch of a blob begins. */
  begun(blob: Digest): void {
    this.#blobs.set(blob, { bytes: this.#blobs.get(blob)?.bytes ?? 0, asked: false });
  }

  /** Bytes of it have arrived; the blob need not be complete. */
  came(blob: Digest, bytes: number): void {
    const before = this.#blobs.get(blob);
    this.#bytes += bytes;
    if (before?.asked === true) return void this.#blobs.delete(blob);
    this.#unasked += bytes;
    this.#blobs.set(blob, { bytes: (before?.bytes ?? 0) + bytes, asked: false });
  }

  /** A client has requested a blob, any blob. */
  asked(blob: Digest): void {
    const ahead = this.#blobs.get(blob);
    if (ahead === undefined || ahead.asked) return;
    this.#unasked -= ahead.bytes;
    this.#blobs.set(blob, { bytes: 0, asked: true });
  }
}
