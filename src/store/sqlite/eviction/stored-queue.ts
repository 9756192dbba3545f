import type { Digest } from '../../../oci/digest.ts';
import type { Scope } from '../../evictions.ts';
import type { EvictionDeps } from './deps.ts';
import { compare, type Candidate, type Queue, type QueuePlace } from './queue.ts';

type Kind = Candidate['kind'];

const unused: QueuePlace = { position: -Infinity, lastUsedAt: -Infinity };

/** The queue as it is in the database. Blobs that no manifest names belong to no scope. */
export class StoredQueue implements Queue {
  readonly #deps: EvictionDeps;
  readonly #scope: Scope | undefined;
  /** All before it, in the scope, are gone or stand further back now. */
  #passed = { position: -Infinity, digest: '' };
  #passedBlob = { position: -Infinity, digest: '' };

  constructor(deps: EvictionDeps, scope: Scope | undefined) {
    this.#deps = deps;
    this.#scope = scope;
  }

  head(): Candidate | undefined {
    const manifest = this.#next('manifest', this.#passed);
    if (this.#scope !== undefined) return manifest;
    const blob = this.#next('blob', this.#passedBlob);
    if (manifest === undefined || blob === undefined) return manifest ?? blob;
    return compare(manifest, blob) < 0 ? manifest : blob;
  }

  skip({ kind, position, digest }: Candidate): void {
    if (kind === 'manifest') this.#passed = { position, digest };
    else this.#passedBlob = { position, digest };
  }

  place(kind: Kind, digest: Digest): QueuePlace {
    const { table, uses } = this.#deps;
    const stored = table.place[kind].get(digest);
    // A use of what is not held is never written down either.
    if (stored === undefined) return unused;
    const use = uses.get(digest);
    if (use === undefined) return stored;
    return { position: Math.max(stored.position, use.position), lastUsedAt: use.at };
  }

  moveTo(position: number, kind: Kind, digests: readonly Digest[]): void {
    for (const digest of digests) this.#deps.table.move[kind].run({ digest, position });
  }

  moveToEnd(kind: Kind, digests: readonly Digest[]): void {
    this.moveTo(this.#deps.positions.next(), kind, digests);
  }

  heldIn(manifest: Digest): ReadonlySet<number> {
    return this.#deps.repositories.ids(manifest, this.#scope);
  }

  isNamedByMoreThan(count: number, blob: Digest): boolean {
    return this.#deps.table.oneBehind.get(blob, count) !== undefined;
  }

  #next(kind: Kind, { position, digest }: { position: number; digest: string }): Candidate | undefined {
    const next = this.#deps.table.next[kind].get(position, digest);
    return next === undefined ? undefined : { kind, ...next };
  }
}
