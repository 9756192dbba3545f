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

/** What a removal freed. */
export interface Removed {
  readonly files: number;
  readonly bytes: number;
}

/** Interrupted downloads and damaged blobs that were put aside. They are removed before any image. */
export class Leftovers {
  readonly #content: ContentStore;
  readonly #reservations: Reservations;
  #known = new Map<string, Leftover>();

  constructor(content: ContentStore, reservations: Reservations) {
    this.#content = content;
    this.#reservations = reservations;
  }

  get bytes(): number {
    return this.#idle().reduce((total, [, { size }]) => total + size, 0);
  }

  /** Lists the files anew. Rejects with StoreError. */
  async refresh(): Promise<void> {
    const found = new Map<string, Leftover>();
    for await (const { digest, size, writtenAt } of this.#content.listPartial()) {
      found.set(`partial ${digest}`, { kind: 'partial', digest, size, at: writtenAt });
    }
    for await (const { digest, size, quarantinedAt: at } of this.#content.listQuarantined()) {
      found.set(`quarantined ${digest} ${at}`, { kind: 'quarantined', digest, size, at });
    }
    this.#known = found;
  }

  /** A fill has ended and leaves a partial blob of `size` bytes; 0: none. */
  left(digest: Digest, size: number, at: number): void {
    const key = `partial ${digest}`;
    if (size === 0) this.#known.delete(key);
    else this.#known.set(key, { kind: 'partial', digest, size, at });
  }

  /** Removes the oldest; undefined when there is none. Rejects with StoreError. */
  async removeOldest(): Promise<Removed | undefined> {
    const [oldest] = [...this.#idle()].toSorted(([, one], [, other]) => one.at - other.at);
    if (oldest === undefined) return undefined;
    const [key, { kind, digest, size, at }] = oldest;
    const removed =
      kind === 'partial'
        ? await this.#content.removePartial(digest)
        : (await this.#content.removeQuarantined(at + 1)) > 0;
    this.#known.delete(key);
    return removed ? { files: 1, bytes: size } : { files: 0, bytes: 0 };
  }

  /** All but partial blobs whose fill is under way. */
  #idle(): IteratorObject<[string, Leftover]> {
    return this.#known
      .entries()
      .filter(([, { kind, digest }]) => kind === 'quarantined' || !this.#reservations.has(digest));
  }
}
