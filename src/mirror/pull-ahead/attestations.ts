import type { Digest } from '../../oci/digest.ts';
import { RegistryError } from '../../oci/error.ts';
import type { ImageIndex } from '../../oci/image-index.ts';
import { readManifest, type Manifest } from '../../oci/manifest.ts';
import type { Repository } from '../../oci/reference.ts';
import { isNotFound } from '../../upstream/failure-policy.ts';
import { UpstreamError } from '../../upstream/registry.ts';
import type { ManifestFetcher } from '../manifests/manifest-fetcher.ts';
import type { ManifestRecords } from '../manifests/manifest-records.ts';
import type { Routing } from '../../oci/routing.ts';
import type { Upstream } from '../upstream.ts';
import { hasSparePulls } from './spare-pulls.ts';

/** Manifests for one image; BuildKit writes one. */
const maxManifests = 4;
/** Blobs of one of these; BuildKit writes a layer for each statement. */
const maxBlobs = 16;

export interface AttestationsOptions {
  readonly records: Pick<ManifestRecords, 'manifest'>;
  readonly fetcher: Pick<ManifestFetcher, 'fetch'>;
  readonly routing: Routing<Pick<Upstream, 'name' | 'breaker' | 'rateLimit'>>;
}

/**
 * The manifests of attestations that an image's index lists with it. Docker 29 asks for them, and all that they name, with
 * every pull, which fails without them; hardly any other client does.
 */
export class Attestations {
  readonly #options: AttestationsOptions;

  constructor(options: AttestationsOptions) {
    this.#options = options;
  }

  /**
   * The blobs of those that belong to `image`. A manifest that is not held is fetched, which may count as a pull upstream;
   * undefined when one could not be for now.
   */
  async blobs(
    repository: Repository,
    image: Digest,
    indexes: readonly ImageIndex[],
  ): Promise<readonly Digest[] | undefined> {
    const listed = new Set(indexes.flatMap(({ attestations }) => attestations.get(image) ?? []));
    const blobs: Digest[] = [];
    for (const digest of [...listed].slice(0, maxManifests)) {
      const manifest = await this.#manifest(repository, digest);
      if (manifest === 'later') return undefined;
      if (manifest === 'never') continue;
      const contents = readManifest(manifest.bytes);
      const named = contents.blobs.filter(({ size }) => size > 0).slice(0, maxBlobs);
      blobs.push(...named.map((blob) => blob.digest));
    }
    return [...new Set(blobs)];
  }

  async #manifest(repository: Repository, digest: Digest): Promise<Manifest | 'later' | 'never'> {
    const { records, fetcher, routing } = this.#options;
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
}
