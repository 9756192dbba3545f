import type { Digest } from '../oci/digest.ts';

/**
 * The blobs that are being read, filled or adopted right now. They are not evicted, and their bytes are not
 * removed. In memory only: a crash ends every use.
 */
export class InUse {
  readonly #holders = new Map<Digest, number>();

  /** Marks a blob, cached or not, until the result is disposed of, which is idempotent. */
  hold(digest: Digest): Disposable {
    this.#holders.set(digest, (this.#holders.get(digest) ?? 0) + 1);
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        const left = (this.#holders.get(digest) ?? 1) - 1;
        if (left === 0) this.#holders.delete(digest);
        else this.#holders.set(digest, left);
      },
    };
  }

  has(digest: Digest): boolean {
    return this.#holders.has(digest);
  }
}
