import type { Digest } from '../../../oci/digest.ts';
import type { EvictionDeps } from './deps.ts';
import { compare, type Candidate, type Queue, type QueuePlace } from './queue.ts';

type Kind = Candidate['kind'];

/** A queue that keeps changes in memory and leaves the one it starts from as it is. */
export class PlannedQueue implements Queue {
  readonly #deps: EvictionDeps;
  readonly #stored: Queue;
  readonly #gone = new Set<string>();
  readonly #positions = new Map<string, number>();
  /** What moved, in order, the first one last. */
  readonly #moved: Candidate[] = [];
  /** How many manifests name a blob, as far as known. */
  readonly #naming = new Map<Digest, number>();

  /** @param stored is gone along, and not otherwise changed */
  constructor(deps: EvictionDeps, stored: Queue) {
    this.#deps = deps;
    this.#stored = stored;
  }

  head(): Candidate | undefined {
    let moved = this.#moved.at(-1);
    while (moved !== undefined && !this.#isAt(moved, moved.position)) {
      this.#moved.pop();
      moved = this.#moved.at(-1);
    }
    let stored = this.#stored.head();
    while (stored !== undefined && !this.#isAt(stored, undefined)) {
      this.#stored.skip(stored);
      stored = this.#stored.head();
    }
    if (moved === undefined || stored === undefined) return moved ?? stored;
    return compare(moved, stored) < 0 ? moved : stored;
  }

  skip(candidate: Candidate): void {
    if (this.#positions.has(keyOf(candidate))) this.#moved.pop();
    else this.#stored.skip(candidate);
  }

  place(kind: Kind, digest: Digest): QueuePlace {
    const stored = this.#stored.place(kind, digest);
    const position = this.#positions.get(keyOf({ kind, digest }));
    return position === undefined ? stored : { ...stored, position: Math.max(position, stored.position) };
  }

  moveTo(position: number, kind: Kind, digests: readonly Digest[]): void {
    for (const digest of digests) {
      const key = keyOf({ kind, digest });
      const stored = this.#deps.table.place[kind].get(digest)?.position ?? -Infinity;
      if ((this.#positions.get(key) ?? stored) >= position) continue;
      this.#positions.set(key, position);
      this.#insert({ kind, digest, position });
    }
  }

  moveToEnd(kind: Kind, digests: readonly Digest[]): void {
    this.moveTo(Infinity, kind, digests);
  }

  heldIn(manifest: Digest): ReadonlySet<number> {
    const isGone = this.#gone.has(keyOf({ kind: 'manifest', digest: manifest }));
    return isGone ? new Set() : this.#stored.heldIn(manifest);
  }

  isNamedByMoreThan(count: number, blob: Digest): boolean {
    return this.#named(blob) > count;
  }

  /** Takes a blob out. */
  takeBlob(digest: Digest): void {
    this.#gone.add(keyOf({ kind: 'blob', digest }));
  }

  /**
   * Takes manifests out, and says which blobs none of those that are left name.
   * @param altogether tells of those that no repository outside of the scope holds
   */
  takeManifests(manifests: readonly Digest[], altogether: (manifest: Digest) => boolean): readonly Digest[] {
    const unnamed: Digest[] = [];
    for (const digest of manifests) {
      this.#gone.add(keyOf({ kind: 'manifest', digest }));
      if (!altogether(digest)) continue;
      for (const blob of this.#deps.graph.blobs(digest)) {
        const left = this.#named(blob) - 1;
        this.#naming.set(blob, left);
        if (left === 0) unnamed.push(blob);
      }
    }
    return unnamed;
  }

  /** Whether a candidate is still there, moved to that position; undefined is where it is stored. */
  #isAt(candidate: Candidate, position: number | undefined): boolean {
    const key = keyOf(candidate);
    return !this.#gone.has(key) && this.#positions.get(key) === position;
  }

  #named(blob: Digest): number {
    const known = this.#naming.get(blob);
    if (known !== undefined) return known;
    const count = this.#deps.table.naming.get(blob) ?? 0;
    this.#naming.set(blob, count);
    return count;
  }

  #insert(candidate: Candidate): void {
    let [low, high] = [0, this.#moved.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#moved[middle];
      if (other !== undefined && compare(other, candidate) > 0) low = middle + 1;
      else high = middle;
    }
    this.#moved.splice(low, 0, candidate);
  }
}

function keyOf({ kind, digest }: Pick<Candidate, 'kind' | 'digest'>): string {
  return `${kind} ${digest}`;
}
