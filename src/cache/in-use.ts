import type { Digest } from '../oci/digest.ts';

/**
 * The blobs that are being read, filled or adopted right now, however many do so at once. In memory only: a crash holds
 * nothing. What is held here is not evicted, and its bytes are not removed.
 */
export class InUse {
  readonly #holders = new Map<Digest, number>();

  /** Holds a blob, whether it is there yet or not, until that is disposed of; to do so again changes nothing. */
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
