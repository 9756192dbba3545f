import type { Digest } from '../../oci/digest.ts';
import type { ContentStore } from '../../store/content-store.ts';
import type { Reservations } from './reservations.ts';

interface Leftover {
  readonly digest: Digest;
  readonly kind: 'partial' | 'quarantined';
  readonly size: number;
  /** When it was last written to or put aside, in milliseconds since the epoch. */
  readonly at: number;
}

/** A removed file's room, in bytes. */
export interface Removed {
  readonly files: number;
  readonly bytes: number;
}

/** Files that nobody needs right now: downloads that were cut off, and damaged blobs that were put aside. They go before any image does. */
export class Leftovers {
  readonly #content: ContentStore;
  readonly #reservations: Reservations;
  #known = new Map<string, Leftover>();

  constructor(content: ContentStore, reservations: Reservations) {
    this.#content = content;
    this.#reservations = reservations;
  }

  /** Bytes of all of them. A partial blob whose fill runs is none. */
  get bytes(): number {
    let bytes = 0;
    for (const { kind, digest, size } of this.#known.values()) {
      if (kind === 'quarantined' || !this.#reservations.has(digest)) bytes += size;
    }
    return bytes;
  }

  /** Looks at what there is. Rejects with StoreError. */
  async refresh(): Promise<void> {
    const found = new Map<string, Leftover>();
    for await (const { digest, size, writtenAt } of this.#content.listPartial()) {
      found.set(`partial ${digest}`, { kind: 'partial', digest, size, at: writtenAt });
    }
    for await (const { digest, size, quarantinedAt } of this.#content.listQuarantined()) {
      found.set(`quarantined ${digest} ${quarantinedAt}`, {
        kind: 'quarantined',
        digest,
        size,
        at: quarantinedAt,
      });
    }
    this.#known = found;
  }

  /** A fill has ended before its blob was whole. */
  left(digest: Digest, size: number, at: number): void {
    const key = `partial ${digest}`;
    if (size === 0) this.#known.delete(key);
    else this.#known.set(key, { kind: 'partial', digest, size, at });
  }

  /** Removes the oldest; undefined when there is none. Rejects with StoreError. */
  async removeOldest(): Promise<Removed | undefined> {
    let oldest: readonly [string, Leftover] | undefined;
    for (const entry of this.#known) {
      const [, { kind, digest, at }] = entry;
      if (kind === 'partial' && this.#reservations.has(digest)) continue;
      if (oldest === undefined || at < oldest[1].at) oldest = entry;
    }
    if (oldest === undefined) return undefined;
    const [key, { kind, digest, size, at }] = oldest;
    const removed =
      kind === 'partial'
        ? await this.#content.removePartial(digest)
        : (await this.#content.removeQuarantined(at + 1)) > 0;
    this.#known.delete(key);
    return removed ? { files: 1, bytes: size } : { files: 0, bytes: 0 };
  }
}
