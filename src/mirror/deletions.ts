import { registryErrors } from '../oci/error.ts';
import type { ManifestReference, Repository } from '../oci/reference.ts';
import { StoreError } from '../store/store-error.ts';
import type { DeletionGate } from './access/deletion-gate.ts';
import type { Candidates } from './candidates.ts';
import type { PullTarget, Removal } from './mirror.ts';
import type { Evictor } from '../cache/space/evictor.ts';

export interface DeletionsOptions {
  readonly candidates: Candidates;
  readonly gate: DeletionGate;
  readonly evictor: Pick<Evictor, 'pinnedBy' | 'remove'>;
}

/** Deletions that clients ask for: evictions of what they name, of no more than they may read, and of nothing that is pinned. */
export class Deletions {
  readonly #candidates: Candidates;
  readonly #gate: DeletionGate;
  readonly #evictor: Pick<Evictor, 'pinnedBy' | 'remove'>;

  constructor({ candidates, gate, evictor }: DeletionsOptions) {
    this.#candidates = candidates;
    this.#gate = gate;
    this.#evictor = evictor;
  }

  /** As {@link Mirror.remove}; a 503 when the cache cannot be changed. */
  async remove(target: PullTarget, reference: ManifestReference): Promise<Removal> {
    try {
      return await this.#candidates.cached(
        target,
        { noun: 'manifest', reference },
        (repository) => this.#remove(repository, reference),
        this.#gate,
      );
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      throw registryErrors.unavailable('the cache cannot be changed right now', { cause: error });
    }
  }

  async #remove(repository: Repository, reference: ManifestReference): Promise<Removal | undefined> {
    const pattern = await this.#evictor.pinnedBy(repository, reference);
    if (pattern !== undefined) {
      throw registryErrors.denied(`this image is pinned by ${pattern}: it stays until it is unpinned`);
    }
    const eviction = await this.#evictor.remove(repository, reference);
    if (eviction === undefined) return undefined;
    const { tags, manifests, bytes } = eviction;
    return { tags: tags.map(({ tag }) => tag), manifests: manifests.length, bytes };
  }
}
