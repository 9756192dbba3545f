import type { Digest } from '../../oci/digest.ts';

/** What one blob that is arriving takes. */
interface Arriving {
  /** Bytes in all, once that is known. */
  size: number | undefined;
  /** Bytes on the disk. */
  written: number;
}

/** The room that blobs under way take up, and have still to take. */
export class Reservations {
  readonly #arriving = new Map<Digest, Arriving>();
  #written = 0;

  /** Bytes written by all fills so far; it only grows. */
  get written(): number {
    return this.#written;
  }

  /** Bytes that the blobs under way will have when they are whole. */
  get total(): number {
    let total = 0;
    for (const { size, written } of this.#arriving.values()) total += Math.max(size ?? 0, written);
    return total;
  }

  /** Bytes of these that are still to be written. */
  get unwritten(): number {
    let unwritten = 0;
    for (const { size, written } of this.#arriving.values()) unwritten += Math.max(0, (size ?? 0) - written);
    return unwritten;
  }

  has(digest: Digest): boolean {
    return this.#arriving.has(digest);
  }

  open(digest: Digest): void {
    this.#arriving.set(digest, { size: undefined, written: 0 });
  }

  expect(digest: Digest, size: number): void {
    const arriving = this.#arriving.get(digest);
    if (arriving !== undefined) arriving.size = size;
  }

  /** Bytes that an earlier run had written. */
  resume(digest: Digest, written: number): void {
    const arriving = this.#arriving.get(digest);
    if (arriving !== undefined) arriving.written = written;
  }

  wrote(digest: Digest, written: number): void {
    const arriving = this.#arriving.get(digest);
    if (arriving === undefined) return;
    this.#written += Math.max(0, written - arriving.written);
    arriving.written = written;
  }

  close(digest: Digest): void {
    this.#arriving.delete(digest);
  }
}
