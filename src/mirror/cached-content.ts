import type { Digest } from '../oci/digest.ts';
import type { Manifest } from '../oci/manifest.ts';
import { registryErrors } from '../oci/error.ts';
import type { ManifestReference, Repository } from '../oci/reference.ts';
import type { MetadataStore } from '../store/metadata-store.ts';
import { StoreError } from '../store/store-error.ts';
import type { Gate } from './access/gate.ts';
import type { Resource } from './access/resource.ts';
import type { BlobService } from './blobs/blob-service.ts';
import type { Candidates } from './candidates.ts';
import { heldReferrers, merged } from './lists/held-referrers.ts';
import type {
  BlobAnswer,
  BlobStat,
  ManifestAnswer,
  PullTarget,
  ReferrersAnswer,
  TagsAnswer,
} from './mirror.ts';

export interface CachedContentOptions {
  readonly candidates: Candidates;
  readonly gate: Gate;
  readonly metadata: MetadataStore;
  readonly blobs: BlobService;
}

const fromCache = { result: 'hit', upstreamMs: 0, warning: undefined } as const;

/**
 * What is held, as it is, for web pages: they show what the cache has, and must not change it. So no upstream is asked,
 * also about a tag that is due, and nothing counts as used. All methods reject with a 404 for what is not held, and with a
 * 503 when the cache cannot be read.
 */
export class CachedContent {
  readonly #candidates: Candidates;
  readonly #gate: Gate;
  readonly #metadata: MetadataStore;
  readonly #blobs: BlobService;

  constructor({ candidates, gate, metadata, blobs }: CachedContentOptions) {
    this.#candidates = candidates;
    this.#gate = gate;
    this.#metadata = metadata;
    this.#blobs = blobs;
  }

  manifest(target: PullTarget, reference: ManifestReference): Promise<ManifestAnswer> {
    return this.#first(target, { noun: 'manifest', reference }, async (repository) => {
      const manifest = await this.#manifest(repository, reference);
      return manifest && { ...fromCache, descriptor: manifest, bytes: manifest.bytes };
    });
  }

  statBlob(target: PullTarget, digest: Digest): Promise<BlobStat> {
    return this.#first(target, { noun: 'blob', digest }, (repository) =>
      this.#blobs.statCached(repository, digest, this.#gate.manifestEvidence(target.reader)),
    );
  }

  openBlob(target: PullTarget, digest: Digest): Promise<BlobAnswer> {
    return this.#first(target, { noun: 'blob', digest }, (repository) =>
      this.#blobs.openCached(repository, digest, this.#gate.manifestEvidence(target.reader)),
    );
  }

  tags(target: PullTarget): Promise<TagsAnswer> {
    const { name } = target;
    return this.#first(target, { noun: 'tags', name }, async (repository) => {
      const tags = await this.#metadata.tags(repository);
      return tags.length === 0 ? undefined : { ...fromCache, tags };
    });
  }

  /** Those that are held, and those that upstream listed when it was last asked. */
  referrers(target: PullTarget, subject: Digest): Promise<Omit<ReferrersAnswer, 'filtered'>> {
    const { name } = target;
    return this.#first(target, { noun: 'referrers', name, subject }, async (repository) => {
      const record = await this.#metadata.referrers(repository, subject);
      const held = await heldReferrers(this.#metadata, repository, subject);
      const known = record !== undefined || held.length > 0;
      if (!known && (await this.#metadata.manifest(repository, subject)) === undefined) return undefined;
      return { ...fromCache, descriptors: merged(record?.descriptors ?? [], held) };
    });
  }

  async #manifest(repository: Repository, reference: ManifestReference): Promise<Manifest | undefined> {
    if ('digest' in reference) return this.#metadata.manifest(repository, reference.digest);
    const record = await this.#metadata.tag(repository, reference.tag);
    return record && this.#metadata.manifest(repository, record.digest);
  }

  async #first<T>(
    target: PullTarget,
    resource: Resource,
    ask: (repository: Repository) => Promise<T | undefined>,
  ): Promise<T> {
    try {
      return await this.#candidates.cached(target, resource, ask);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      throw registryErrors.unavailable('the cache cannot be read right now', { cause: error });
    }
  }
}
