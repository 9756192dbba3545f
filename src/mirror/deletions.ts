import type { Evictor } from '../cache/space/evictor.ts';
import { registryErrors } from '../oci/error.ts';
import type { ManifestReference } from '../oci/reference.ts';
import { StoreError } from '../store/store-error.ts';
import type { Gate } from './access/gate.ts';
import type { Candidates } from './candidates.ts';
import type { PullTarget, Removal } from './mirror.ts';

export interface DeletionDeps {
  readonly candidates: Candidates;
  readonly gate: Gate;
  readonly evictor: Pick<Evictor, 'pinnedBy' | 'remove'>;
}

/**
 * As {@link Mirror.remove}: evicts what a client names, unless it is pinned or the client may not read it.
 * Rejects with a 503 when the cache cannot be changed.
 */
export async function removeCached(
  { candidates, gate, evictor }: DeletionDeps,
  target: PullTarget,
  reference: ManifestReference,
): Promise<Removal> {
  const resource = { noun: 'manifest', reference } as const;
  const admit: Gate['admitToDelete'] = (...args) => gate.admitToDelete(...args);
  try {
    return await candidates.cached(target, resource, admit, async (repository) => {
      const pattern = await evictor.pinnedBy(repository, reference);
      if (pattern !== undefined)
        throw registryErrors.denied(`this image is pinned by ${pattern}: it stays until it is unpinned`);
      const eviction = await evictor.remove(repository, reference);
      if (eviction === undefined) return undefined;
      const { tags, manifests, bytes } = eviction;
      return { tags: tags.map(({ tag }) => tag), manifests: manifests.length, bytes };
    });
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    throw registryErrors.unavailable('the cache cannot be changed right now', { cause: error });
  }
}
