import type { Digest } from '../oci/digest.ts';
import type { RepositoryName } from '../oci/reference.ts';
import { UpstreamError, type UpstreamRegistry } from './registry.ts';

/**
 * The size in bytes of a blob in a repository: by HEAD, or where that states none, by the head of a GET.
 * Neither is a counted pull. A refused HEAD is final: clients without access cause many.
 * @throws {UpstreamError} when upstream does not have it, or does not say
 */
export async function askBlobSize(
  registry: UpstreamRegistry,
  repository: RepositoryName,
  digest: Digest,
): Promise<number> {
  const stated = await registry.headBlob(repository, digest);
  if (stated !== undefined) return stated;
  const giveUp = new AbortController();
  try {
    const { size } = await registry.openBlob(repository, digest, { offset: 0, signal: giveUp.signal });
    if (size === undefined)
      throw new UpstreamError('invalid', 'upstream does not state the size of the blob');
    return size;
  } finally {
    giveUp.abort();
  }
}
