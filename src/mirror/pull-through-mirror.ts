import type { Clock } from '../base/clock.ts';
import type { Evictor } from '../cache/space/evictor.ts';
import type { Pins } from '../cache/space/pins.ts';
import type { StoreHealth } from '../cache/space/store-health.ts';
import type { Digest } from '../oci/digest.ts';
import { RegistryError, registryErrors } from '../oci/error.ts';
import type { ManifestReference, Repository } from '../oci/reference.ts';
import type { Routing } from '../oci/routing.ts';
import type { ContentStore } from '../store/content-store.ts';
import type { MetadataStore } from '../store/metadata-store.ts';
import { StoreError } from '../store/store-error.ts';
import { isOfflineError } from '../upstream/connectivity.ts';
import type { Gate } from './access/gate.ts';
import type { Resource } from './access/resource.ts';
import type { BlobService } from './blobs/blob-service.ts';
import type { Entitlement } from './blobs/entitlement.ts';
import { CachedContent } from './cached-content.ts';
import type { Candidates } from './candidates.ts';
import { removeCached } from './deletions.ts';
import { HitValidity } from './hit-validity.ts';
import { Catalog } from './lists/catalog.ts';
import { ImageList } from './lists/image-list.ts';
import type { ReferrersService } from './lists/referrers-service.ts';
import { search } from './lists/search.ts';
import type { TagListService } from './lists/tag-list-service.ts';
import type { ManifestRecords } from './manifests/manifest-records.ts';
import type { ManifestService } from './manifests/manifest-service.ts';
import type {
  BlobAnswer,
  BlobStat,
  CatalogPage,
  ImagePage,
  ListedImage,
  ManifestAnswer,
  Mirror,
  PullTarget,
  Readiness,
  ReferrersAnswer,
  Removal,
  SearchAnswer,
  SearchQuery,
  TagsAnswer,
  Validity,
} from './mirror.ts';
import { Absence } from './offline/absence.ts';
import type { PullAhead } from './pull-ahead/pull-ahead.ts';
import type { Upstream } from './upstream.ts';

export interface PullThroughMirrorDeps {
  readonly routing: Routing<Upstream>;
  readonly candidates: Candidates;
  readonly gate: Gate;
  readonly records: ManifestRecords;
  readonly manifests: ManifestService;
  readonly tagLists: TagListService;
  readonly referrers: ReferrersService;
  readonly blobs: BlobService;
  readonly entitlement: Entitlement;
  readonly pullAhead: PullAhead;
  readonly evictor: Evictor;
  readonly pins: Pins;
  readonly health: StoreHealth;
  readonly content: ContentStore;
  readonly metadata: MetadataStore;
  readonly clock: Clock;
}

/** Where the answer about one resource comes from. */
interface Source<T> {
  /** What is cached, for web pages; undefined for nothing. */
  readonly cached: (repository: Repository) => Promise<T | undefined>;
  /** As in {@link Candidates.first}. */
  readonly canAnswer: (repository: Repository) => Promise<boolean>;
  readonly ask: (repository: Repository) => Promise<T>;
}

/** The mirror as `http/` sees it: resolves names, checks access, then asks the service for what is wanted. */
export class PullThroughMirror implements Mirror {
  readonly #deps: PullThroughMirrorDeps;
  readonly #cached: CachedContent;
  readonly #catalog: Catalog;
  readonly #images: ImageList;
  readonly #validity: HitValidity;
  readonly #absence: Absence;

  constructor(deps: PullThroughMirrorDeps) {
    this.#deps = deps;
    this.#cached = new CachedContent(deps.metadata);
    this.#catalog = new Catalog(deps);
    this.#images = new ImageList(deps);
    this.#validity = new HitValidity(deps);
    this.#absence = new Absence({ ...deps, catalog: this.#catalog });
  }

  async manifest(
    target: PullTarget,
    reference: ManifestReference,
    method: 'GET' | 'HEAD',
  ): Promise<ManifestAnswer> {
    const { gate, records, manifests, pullAhead } = this.#deps;
    const answer = await this.#first(
      target,
      { noun: 'manifest', reference },
      {
        cached: (repository) => this.#cached.manifest(repository, reference),
        canAnswer: (repository) => records.canAnswer(repository, reference),
        ask: async (repository) => {
          // A HEAD is a question, not a pull.
          if (method === 'HEAD') return manifests.get(repository, reference, method);
          if ('digest' in reference) pullAhead.asked(repository, reference.digest);
          const given = await manifests.get(repository, reference, method);
          pullAhead.pulled(repository, given, gate.manifestEvidence(target.reader));
          return given;
        },
      },
    );
    if (!isPlainHit(answer)) return answer;
    const validity = this.manifestValidity(target, reference, method, answer.descriptor.digest);
    return { ...answer, validity };
  }

  async statBlob(target: PullTarget, digest: Digest): Promise<BlobStat> {
    const { gate, blobs } = this.#deps;
    const evidence = gate.manifestEvidence(target.reader);
    // Taken before the answer: what changes while that is made ends it.
    const validity = this.blobValidity(target, digest);
    const stat = await this.#blob<BlobStat>(target, digest, {
      cached: (repository) => blobs.statCached(repository, digest, evidence),
      ask: (repository) => blobs.stat(repository, digest, evidence),
    });
    return isPlainHit(stat) ? { ...stat, validity } : stat;
  }

  async openBlob(target: PullTarget, digest: Digest): Promise<BlobAnswer> {
    const { gate, blobs, pullAhead } = this.#deps;
    const evidence = gate.manifestEvidence(target.reader);
    const validity = this.blobValidity(target, digest);
    const blob = await this.#blob<BlobAnswer>(target, digest, {
      cached: (repository) => blobs.openCached(repository, digest, evidence),
      ask: (repository) => {
        pullAhead.wanted(repository, digest);
        return blobs.open(repository, digest, evidence);
      },
    });
    return isPlainHit(blob) ? Object.assign(blob, { validity }) : blob;
  }

  /** What a hit of {@link manifest} rests on; undefined if the answer would have another digest by now. */
  manifestValidity(
    target: PullTarget,
    reference: ManifestReference,
    method: 'GET' | 'HEAD',
    answered: Digest,
  ): Validity | undefined {
    return this.#validity.manifest(target, reference, method, answered);
  }

  /** What hits of {@link statBlob} and {@link openBlob} rest on that are given after this call. */
  blobValidity(target: PullTarget, digest: Digest): Validity | undefined {
    return this.#validity.blob(target, digest);
  }

  tags(target: PullTarget): Promise<TagsAnswer> {
    const { tagLists } = this.#deps;
    const resource = { noun: 'tags', name: target.name } as const;
    return this.#first(target, resource, {
      cached: (repository) => this.#cached.tags(repository),
      canAnswer: (repository) => tagLists.canAnswer(repository),
      ask: (repository) => tagLists.tags(repository),
    });
  }

  async referrers(
    target: PullTarget,
    subject: Digest,
    artifactType: string | undefined,
  ): Promise<ReferrersAnswer> {
    const { referrers } = this.#deps;
    const resource = { noun: 'referrers', name: target.name, subject } as const;
    const answer = await this.#first(target, resource, {
      cached: (repository) => this.#cached.referrers(repository, subject),
      canAnswer: (repository) => referrers.canAnswer(repository, subject),
      ask: (repository) => referrers.referrers(repository, subject),
    });
    if (artifactType === undefined) return { ...answer, filtered: false };
    const descriptors = answer.descriptors.filter((one) => one.artifactType === artifactType);
    return { ...answer, descriptors, filtered: true };
  }

  catalog(page: CatalogPage): Promise<readonly string[]> {
    return this.#catalog.find(page);
  }

  images(page: ImagePage): Promise<readonly ListedImage[]> {
    return this.#images.find(page);
  }

  search(query: SearchQuery): Promise<SearchAnswer> {
    const catalog = this.#catalog;
    return search({ ...this.#deps, catalog }, query);
  }

  remove(target: PullTarget, reference: ManifestReference): Promise<Removal> {
    return removeCached(this.#deps, target, reference);
  }

  /** Whether content can be stored. A mirror whose upstreams fail is ready: it serves what is cached. */
  async readiness(): Promise<Readiness> {
    const problems = await this.#deps.health.check();
    return { ready: problems.length === 0, problems };
  }

  #blob<T>(target: PullTarget, digest: Digest, source: Omit<Source<T>, 'canAnswer'>): Promise<T> {
    const { entitlement } = this.#deps;
    const canAnswer = async (repository: Repository): Promise<boolean> =>
      (await entitlement.known(repository, digest)) !== undefined;
    return this.#first(target, { noun: 'blob', digest }, { ...source, canAnswer });
  }

  /** The answer of the repository that a name means, or from what is cached of it for a web page. */
  async #first<T>(target: PullTarget, resource: Resource, source: Source<T>): Promise<T> {
    const { candidates, gate } = this.#deps;
    if (!target.cachedOnly) return this.#asked(target, resource, source);
    const admit: Gate['admitToCached'] = (...args) => gate.admitToCached(...args);
    try {
      return await candidates.cached(target, resource, admit, source.cached);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      throw registryErrors.unavailable('the cache cannot be read right now', { cause: error });
    }
  }

  async #asked<T>(target: PullTarget, resource: Resource, { canAnswer, ask }: Source<T>): Promise<T> {
    try {
      return await this.#deps.candidates.first(target, resource, canAnswer, ask);
    } catch (error) {
      const isOffline = error instanceof RegistryError && isOfflineError(error.cause);
      throw isOffline ? await this.#absence.explain(error, target, resource) : error;
    }
  }
}

/** Whether an answer came from the cache, without a question to upstream, and upstream has nothing to say. */
function isPlainHit({ result, upstreamMs, notices }: BlobStat | BlobAnswer | ManifestAnswer): boolean {
  return result === 'hit' && upstreamMs === 0 && !notices?.length;
}
