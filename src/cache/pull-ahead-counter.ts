import { lru } from '../base/lru.ts';
import type { Digest } from '../oci/digest.ts';

/** What was fetched before any client asked for it, in bytes. */
export interface PullAheadCounts {
  readonly bytes: number;
  /** Of these, what no client has asked for to this day. */
  readonly unaskedBytes: number;
}

/** Counts what pull-ahead fetches, and how much of that for nothing. */
export class PullAheadCounter {
  #bytes = 0;
  #unasked = 0;
  /** Bytes of each blob that nobody has asked for. What is dropped here counts as never asked for. */
  readonly #blobs = lru<Digest, { readonly bytes: number; readonly asked: boolean }>(50_000);

  get counts(): PullAheadCounts {
    return { bytes: this.#bytes, unaskedBytes: this.#unasked };
  }

  /** A blob is on its way. */
  begun(blob: Digest): void {
    this.#blobs.set(blob, { bytes: this.#blobs.get(blob)?.bytes ?? 0, asked: false });
  }

  /** So many bytes of it have come, whole or not. */
  came(blob: Digest, bytes: number): void {
    const before = this.#blobs.get(blob);
    this.#bytes += bytes;
    if (before?.asked === true) return void this.#blobs.delete(blob);
    this.#unasked += bytes;
    this.#blobs.set(blob, { bytes: (before?.bytes ?? 0) + bytes, asked: false });
  }

  /** A client has asked for a blob, any blob. */
  asked(blob: Digest): void {
    const ahead = this.#blobs.get(blob);
    if (ahead === undefined || ahead.asked) return;
    this.#unasked -= ahead.bytes;
    this.#blobs.set(blob, { bytes: 0, asked: true });
  }
}
