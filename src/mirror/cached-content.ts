import type { Digest } from '../oci/digest.ts';
import { registryErrors } from '../oci/error.ts';
import type { ManifestReference, Repository } from '../oci/reference.ts';
import type { MetadataStore } from '../store/metadata-store.ts';
import { StoreError } from '../store/store-error.ts';
import type { Gate } from './access/gate.ts';
import type { Resource } from './access/resource.ts';
import type { BlobService } from './blobs/blob-service.ts';
import type { Candidates } from './candidates.ts';
import { cachedReferrers, merged } from './lists/cached-referrers.ts';
import type {
  BlobAnswer,
  BlobStat,
  ManifestAnswer,
  PullTarget,
  ReferrersAnswer,
  TagsAnswer,
} from './mirror.ts';

export interface CachedContentDeps {
  readonly candidates: Candidates;
  readonly gate: Gate;
  readonly metadata: MetadataStore;
  readonly blobs: BlobService;
}

const fromCache = { result: 'hit', upstreamMs: 0, warning: undefined } as const;

/**
 * What is cached, for web pages, which must not change the cache: no upstream is asked, not even about a tag
 * that is due, and nothing counts as used. Rejects with a 404 for what is not cached, and a 503 when the
 * cache cannot be read.
 */
export class CachedContent {
  readonly #deps: CachedContentDeps;

  constructor(deps: CachedContentDeps) {
    this.#deps = deps;
  }

  manifest(target: PullTarget, reference: ManifestReference): Promise<ManifestAnswer> {
    const { metadata } = this.#deps;
    return this.#first(target, { noun: 'manifest', reference }, async (repository) => {
      const { digest } =
        'digest' in reference ? reference : ((await metadata.tag(repository, reference.tag)) ?? {});
      const manifest = digest && (await metadata.manifest(repository, digest));
      return manifest && { ...fromCache, descriptor: manifest, bytes: manifest.bytes };
    });
  }

  statBlob(target: PullTarget, digest: Digest): Promise<BlobStat> {
    const { gate, blobs } = this.#deps;
    return this.#first(target, { noun: 'blob', digest }, (repository) =>
      blobs.statCached(repository, digest, gate.manifestEvidence(target.reader)),
    );
  }

  openBlob(target: PullTarget, digest: Digest): Promise<BlobAnswer> {
    const { gate, blobs } = this.#deps;
    return this.#first(target, { noun: 'blob', digest }, (repository) =>
      blobs.openCached(repository, digest, gate.manifestEvidence(target.reader)),
    );
  }

  tags(target: PullTarget): Promise<TagsAnswer> {
    const { name } = target;
    return this.#first(target, { noun: 'tags', name }, async (repository) => {
      const tags = await this.#deps.metadata.tags(repository);
      return tags.length === 0 ? undefined : { ...fromCache, tags };
    });
  }

  /** Those that are cached, and those that upstream listed when it was last asked. */
  referrers(target: PullTarget, subject: Digest): Promise<Omit<ReferrersAnswer, 'filtered'>> {
    const { name } = target;
    const { metadata } = this.#deps;
    return this.#first(target, { noun: 'referrers', name, subject }, async (repository) => {
      const record = await metadata.referrers(repository, subject);
      const cached = await cachedReferrers(metadata, repository, subject);
      const isKnown = record !== undefined || cached.length > 0;
      if (!isKnown && (await metadata.manifest(repository, subject)) === undefined) return undefined;
      return { ...fromCache, descriptors: merged(record?.descriptors ?? [], cached) };
    });
  }

  async #first<T>(
    target: PullTarget,
    resource: Resource,
    ask: (repository: Repository) => Promise<T | undefined>,
  ): Promise<T> {
    const { candidates, gate } = this.#deps;
    try {
      return await candidates.cached(target, resource, (...args) => gate.admitToCached(...args), ask);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      throw registryErrors.unavailable('the cache cannot be read right now', { cause: error });
    }
  }
}
