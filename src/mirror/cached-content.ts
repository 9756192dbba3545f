import type { Digest } from '../oci/digest.ts';
import type { ManifestReference, Repository } from '../oci/reference.ts';
import type { MetadataStore } from '../store/metadata-store.ts';
import { cachedReferrers, merged } from './lists/cached-referrers.ts';
import type { ManifestAnswer, ReferrersAnswer, TagsAnswer } from './mirror.ts';

const fromCache = { result: 'hit', upstreamMs: 0, warning: undefined } as const;

/**
 * What is cached, for web pages, which must not change the cache: no upstream is asked, not even about a tag
 * that is due, and nothing counts as used. Undefined for what is not cached; rejects with StoreError.
 */
export class CachedContent {
  readonly #metadata: MetadataStore;

  constructor(metadata: MetadataStore) {
    this.#metadata = metadata;
  }

  async manifest(repository: Repository, reference: ManifestReference): Promise<ManifestAnswer | undefined> {
    const { digest } =
      'digest' in reference ? reference : ((await this.#metadata.tag(repository, reference.tag)) ?? {});
    const manifest = digest && (await this.#metadata.manifest(repository, digest));
    return manifest && { ...fromCache, descriptor: manifest, bytes: manifest.bytes };
  }

  async tags(repository: Repository): Promise<TagsAnswer | undefined> {
    const tags = await this.#metadata.tags(repository);
    return tags.length === 0 ? undefined : { ...fromCache, tags };
  }

  /** Those that are cached, and those that upstream listed when it was last asked. */
  async referrers(
    repository: Repository,
    subject: Digest,
  ): Promise<Omit<ReferrersAnswer, 'filtered'> | undefined> {
    const record = await this.#metadata.referrers(repository, subject);
    const cached = await cachedReferrers(this.#metadata, repository, subject);
    const isKnown = record !== undefined || cached.length > 0;
    if (!isKnown && (await this.#metadata.manifest(repository, subject)) === undefined) return undefined;
    return { ...fromCache, descriptors: merged(record?.descriptors ?? [], cached) };
  }
}
