import type { Digest } from '../oci/digest.ts';
import { registryErrors } from '../oci/error.ts';
import type { ManifestReference } from '../oci/reference.ts';
import type { MetadataStore } from '../store/metadata-store.ts';
import { StoreError } from '../store/store-error.ts';
import type { BlobService } from './blob-service.ts';
import { Candidates } from './candidates.ts';
import type { Degradation } from './degradation.ts';
import type { Entitlement } from './entitlement.ts';
import type { ManifestService } from './manifest-service.ts';
import type {
  BlobAnswer,
  BlobStat,
  CatalogPage,
  ManifestAnswer,
  Mirror,
  PullTarget,
  Readiness,
  ReferrersAnswer,
  SearchAnswer,
  TagsAnswer,
} from './mirror.ts';
import type { Routing } from './routing.ts';
import type { TagListService } from './tag-list-service.ts';
import type { TagRecords } from './tag-records.ts';
import type { TagService } from './tag-service.ts';

export interface PullThroughMirrorOptions {
  readonly routing: Routing;
  readonly metadata: MetadataStore;
  readonly manifests: ManifestService;
  readonly tagRecords: TagRecords;
  readonly tags: TagService;
  readonly tagLists: TagListService;
  readonly blobs: BlobService;
  readonly entitlement: Entitlement;
  readonly degradation: Degradation;
}

/** The mirror as `http/` sees it: settles what a name means, then lets the service for the noun answer. */
export class PullThroughMirror implements Mirror {
  readonly #routing: Routing;
  readonly #candidates: Candidates;
  readonly #metadata: MetadataStore;
  readonly #manifests: ManifestService;
  readonly #tagRecords: TagRecords;
  readonly #tags: TagService;
  readonly #tagLists: TagListService;
  readonly #blobs: BlobService;
  readonly #entitlement: Entitlement;
  readonly #degradation: Degradation;

  constructor(options: PullThroughMirrorOptions) {
    this.#routing = options.routing;
    this.#candidates = new Candidates(options.routing);
    this.#metadata = options.metadata;
    this.#manifests = options.manifests;
    this.#tagRecords = options.tagRecords;
    this.#tags = options.tags;
    this.#tagLists = options.tagLists;
    this.#blobs = options.blobs;
    this.#entitlement = options.entitlement;
    this.#degradation = options.degradation;
  }

  manifest(
    target: PullTarget,
    reference: ManifestReference,
    method: 'GET' | 'HEAD',
  ): Promise<ManifestAnswer> {
    if ('tag' in reference) {
      const { tag } = reference;
      return this.#candidates.first(
        target,
        async (repository) => (await this.#tagRecords.find(repository, tag)) !== undefined,
        (repository) => this.#tags.byTag(repository, tag, method),
      );
    }
    const { digest } = reference;
    return this.#candidates.first(
      target,
      async (repository) => (await this.#manifests.held(repository, digest)) !== undefined,
      (repository) => this.#manifests.byDigest(repository, digest, method),
    );
  }

  statBlob(target: PullTarget, digest: Digest): Promise<BlobStat> {
    return this.#blobRequest(target, digest, (service, repository) => service.stat(repository, digest));
  }

  openBlob(target: PullTarget, digest: Digest): Promise<BlobAnswer> {
    return this.#blobRequest(target, digest, (service, repository) => service.open(repository, digest));
  }

  tags(target: PullTarget): Promise<TagsAnswer> {
    return this.#candidates.first(
      target,
      (repository) => this.#tagLists.holds(repository),
      (repository) => this.#tagLists.tags(repository),
    );
  }

  referrers(): Promise<ReferrersAnswer> {
    return Promise.reject(registryErrors.unsupported());
  }

  search(): Promise<SearchAnswer> {
    return Promise.reject(registryErrors.unsupported());
  }

  async catalog(page: CatalogPage): Promise<readonly string[]> {
    const { plain } = this.#routing;
    try {
      return plain === undefined ? [] : await this.#metadata.repositories(plain.name, page);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      throw registryErrors.unavailable('the catalog cannot be read right now', { cause: error });
    }
  }

  /** Whether content can be kept. An upstream in trouble does not make a mirror unready: it serves what it has. */
  async readiness(): Promise<Readiness> {
    try {
      await this.#metadata.check();
      return { ready: true, problems: [] };
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#degradation.note(error);
      return { ready: false, problems: [`the metadata store cannot be written to (${error.code})`] };
    }
  }

  #blobRequest<T>(
    target: PullTarget,
    digest: Digest,
    ask: (service: BlobService, repository: Parameters<BlobService['open']>[0]) => Promise<T>,
  ): Promise<T> {
    return this.#candidates.first(
      target,
      async (repository) => (await this.#entitlement.known(repository, digest)) !== undefined,
      (repository) => ask(this.#blobs, repository),
    );
  }
}
