import type { Digest } from '../../oci/digest.ts';
import { RegistryError } from '../../oci/error.ts';
import type { ImageIndex } from '../../oci/image-index.ts';
import { readManifest, type Manifest } from '../../oci/manifest.ts';
import type { Repository } from '../../oci/reference.ts';
import type { Routing } from '../../oci/routing.ts';
import { isNotFound } from '../../upstream/failure-policy.ts';
import { UpstreamError } from '../../upstream/registry.ts';
import type { ManifestFetcher } from '../manifests/manifest-fetcher.ts';
import type { ManifestRecords } from '../manifests/manifest-records.ts';
import type { Upstream } from '../upstream.ts';

/** Manifests for one image; BuildKit writes one. */
const maxManifests = 4;
/** Blobs of one of these; BuildKit writes a layer for each statement. */
const maxBlobs = 16;
/** Pulls left to clients, of those that an upstream counts: so many, or a share where that is more. */
const leftToClients = { pulls: 10, share: 0.2 };

export interface AttestationsDeps {
  readonly records: Pick<ManifestRecords, 'manifest'>;
  readonly fetcher: Pick<ManifestFetcher, 'fetch'>;
  readonly routing: Routing<Pick<Upstream, 'name' | 'breaker' | 'rateLimit'>>;
}

/**
 * The blobs of the attestations that `indexes` list with an image. Docker 29 asks for these manifests, and
 * all that they name, with every pull, which fails without them; hardly any other client does. A manifest
 * that is not cached is fetched, which may count as a pull upstream. Undefined when one could not be for now.
 */
export async function attestationBlobs(
  deps: AttestationsDeps,
  { repository, digest: image }: { readonly repository: Repository; readonly digest: Digest },
  indexes: readonly ImageIndex[],
): Promise<readonly Digest[] | undefined> {
  const listed = new Set(indexes.flatMap(({ attestations }) => attestations.get(image) ?? []));
  const blobs = new Set<Digest>();
  for (const digest of [...listed].slice(0, maxManifests)) {
    const manifest = await attestation(deps, repository, digest);
    if (manifest === 'later') return undefined;
    if (manifest === 'never') continue;
    const named = readManifest(manifest.bytes).blobs.filter(({ size }) => size > 0);
    for (const blob of named.slice(0, maxBlobs)) blobs.add(blob.digest);
  }
  return [...blobs];
}

async function attestation(
  { records, fetcher, routing }: AttestationsDeps,
  repository: Repository,
  digest: Digest,
): Promise<Manifest | 'later' | 'never'> {
  const cached = await records.manifest(repository, digest);
  if (cached !== undefined) return cached;
  if (!hasSparePulls(routing.upstream(repository.upstream))) return 'later';
  try {
    return (await fetcher.fetch(repository, { digest }).outcome).manifest;
  } catch (error) {
    if (error instanceof RegistryError) return 'never';
    if (!(error instanceof UpstreamError)) throw error;
    return isNotFound(error) ? 'never' : 'later';
  }
}

/**
 * Whether an upstream may be asked for a manifest that no client has asked for: not while it is in trouble,
 * nor when few pulls are left, as far as it has said.
 */
function hasSparePulls({ breaker, rateLimit }: Pick<Upstream, 'breaker' | 'rateLimit'>): boolean {
  if (!breaker.admits) return false;
  const { remaining, limit = 0 } = rateLimit() ?? {};
  return remaining === undefined || remaining > Math.max(leftToClients.pulls, limit * leftToClients.share);
}
