import type { Digest } from '../../../oci/digest.ts';
import type { EvictedBlob, EvictedImage, EvictionRequest, Scope } from '../../evictions.ts';
import { TimeSlice } from '../time-slice.ts';
import type { EvictionDeps } from './deps.ts';
import { PlannedQueue } from './planned-queue.ts';
import { StoredQueue } from './stored-queue.ts';
import { Walk, type DueImage } from './walk.ts';

/** What would go, one after the other, while nothing does. */
export class Plan {
  readonly #deps: EvictionDeps;
  readonly #scope: Scope | undefined;
  readonly #queue: PlannedQueue;
  readonly #walk: Walk;
  /** How many manifests of the scope still name a blob, as `QueueTable.namingIn` counts them. */
  readonly #naming = new Map<Digest, number>();

  constructor(deps: EvictionDeps, request: Omit<EvictionRequest, 'bytes'>) {
    this.#deps = deps;
    this.#scope = request.scope;
    this.#queue = new PlannedQueue(deps, new StoredQueue(deps, request.scope));
    this.#walk = new Walk(deps, this.#queue, request, deps.positions.highest);
  }

  /** What goes next, as far as a slice of time reaches; undefined at the end. */
  next(): readonly (EvictedImage | EvictedBlob)[] | undefined {
    const slice = new TimeSlice(this.#deps.clock);
    const found: (EvictedImage | EvictedBlob)[] = [];
    do {
      const step = this.#walk.step();
      if (step.kind === 'done') return found.length > 0 ? found : undefined;
      if (step.kind === 'image') found.push(this.#image(step));
      if (step.kind === 'blob') {
        const { digest, lastUsedAt } = step;
        this.#queue.takeBlob(digest);
        found.push({ digest, bytes: this.#sizeOf([digest]), lastUsedAt });
      }
    } while (!slice.isOver);
    return found;
  }

  #image({ root, members, imageName, lastUsedAt }: DueImage): EvictedImage {
    const { repositories } = this.#deps;
    const scope = this.#scope;
    const freed = scope === undefined ? undefined : this.#freedFrom(scope, members);
    const unnamed = this.#queue.takeManifests(
      members,
      (manifest) => repositories.of(manifest).length === repositories.of(manifest, scope).length,
    );
    return { ...imageName, digest: root, bytes: this.#sizeOf(freed ?? unnamed), lastUsedAt };
  }

  /** The blobs that no manifest in a scope names once these have gone from it. */
  #freedFrom(scope: Scope, manifests: readonly Digest[]): readonly Digest[] {
    const { table, graph, repositories } = this.#deps;
    const { upstream, name = null } = scope;
    const freed: Digest[] = [];
    for (const manifest of manifests) {
      const times = repositories.of(manifest, scope).length;
      for (const blob of graph.blobs(manifest)) {
        const left = (this.#naming.get(blob) ?? table.namingIn.get({ blob, upstream, name }) ?? 0) - times;
        this.#naming.set(blob, left);
        if (left === 0) freed.push(blob);
      }
    }
    return freed;
  }

  #sizeOf(blobs: readonly Digest[]): number {
    return blobs.reduce((sum, blob) => sum + (this.#deps.table.size.get(blob) ?? 0), 0);
  }
}
