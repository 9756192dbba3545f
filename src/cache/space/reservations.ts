import type { Digest } from '../../oci/digest.ts';

/** A blob that is arriving. */
export interface Arriving {
  /** Bytes in all; undefined until upstream states it. */
  readonly size: number | undefined;
  /** Bytes on the disk. */
  readonly written: number;
}

/** The room that arriving blobs take up, and are still going to take up. */
export class Reservations {
  readonly #arriving = new Map<Digest, Arriving>();
  /** Bytes written by all fills so far; it only grows. */
  written = 0;

  /** Bytes that the arriving blobs will have when they are complete. */
  get total(): number {
    return sum(this.#arriving, ({ size, written }) => Math.max(size ?? 0, written));
  }

  /** Of these, bytes that are still to be written. */
  get unwritten(): number {
    return sum(this.#arriving, ({ size, written }) => Math.max(0, (size ?? 0) - written));
  }

  has(digest: Digest): boolean {
    return this.#arriving.has(digest);
  }

  /** @param arriving changes as the blob arrives */
  add(digest: Digest, arriving: Arriving): void {
    this.#arriving.set(digest, arriving);
  }

  delete(digest: Digest): void {
    this.#arriving.delete(digest);
  }
}

function sum(arriving: ReadonlyMap<Digest, Arriving>, bytesOf: (one: Arriving) => number): number {
  return arriving.values().reduce((total, one) => total + bytesOf(one), 0);
}
