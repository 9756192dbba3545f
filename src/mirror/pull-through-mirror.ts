import type { Digest } from '../oci/digest.ts';
import type { ManifestReference, Repository } from '../oci/reference.ts';
import type { Gate } from './access/gate.ts';
import type { BlobService } from './blobs/blob-service.ts';
import type { CachedContent } from './cached-content.ts';
import type { Candidates } from './candidates.ts';
import type { Catalog } from './lists/catalog.ts';
import type { Deletions } from './deletions.ts';
import type { ManifestEvidence, Entitlement } from './blobs/entitlement.ts';
import type { ManifestService } from './manifests/manifest-service.ts';
import type {
  BlobAnswer,
  BlobStat,
  CatalogPage,
  ManifestAnswer,
  Mirror,
  PullTarget,
  Readiness,
  ReferrersAnswer,
  Removal,
  SearchAnswer,
  SearchQuery,
  Validity,
  TagsAnswer,
} from './mirror.ts';
import type { PullAhead } from './pull-ahead/pull-ahead.ts';
import type { Reader } from './access/reader.ts';
import type { ReferrersService } from './lists/referrers-service.ts';
import type { SearchService } from './lists/search-service.ts';
import type { HitValidity } from './hit-validity.ts';
import type { StoreHealth } from '../cache/space/store-health.ts';
import type { TagListService } from './lists/tag-list-service.ts';
import type { TagRecords } from './manifests/tag-records.ts';
import type { TagService } from './manifests/tag-service.ts';

export interface PullThroughMirrorOptions {
  readonly candidates: Candidates;
  readonly cached: CachedContent;
  readonly gate: Gate;
  readonly manifests: ManifestService;
  readonly tagRecords: TagRecords;
  readonly tags: TagService;
  readonly tagLists: TagListService;
  readonly referrers: ReferrersService;
  readonly blobs: BlobService;
  readonly pullAhead: PullAhead;
  readonly entitlement: Entitlement;
  readonly catalog: Catalog;
  readonly searches: SearchService;
  readonly deletions: Deletions;
  readonly health: StoreHealth;
  readonly hitValidity: HitValidity;
}

/** The mirror as `http/` sees it: resolves names, checks access, then delegates to the service for blobs, manifests, tags or referrers. */
export class PullThroughMirror implements Mirror {
  readonly #candidates: Candidates;
  readonly #cached: CachedContent;
  readonly #gate: Gate;
  readonly #manifests: ManifestService;
  readonly #tagRecords: TagRecords;
  readonly #tags: TagService;
  readonly #tagLists: TagListService;
  readonly #referrers: ReferrersService;
  readonly #blobs: BlobService;
  readonly #pullAhead: PullAhead;
  readonly #entitlement: Entitlement;
  readonly #catalog: Catalog;
  readonly #searches: SearchService;
  readonly #deletions: Deletions;
  readonly #health: StoreHealth;
  readonly #hitValidity: HitValidity;

  constructor(options: PullThroughMirrorOptions) {
    this.#candidates = options.candidates;
    this.#cached = options.cached;
    this.#gate = options.gate;
    this.#manifests = options.manifests;
    this.#tagRecords = options.tagRecords;
    this.#tags = options.tags;
    this.#tagLists = options.tagLists;
    this.#referrers = options.referrers;
    this.#blobs = options.blobs;
    this.#pullAhead = options.pullAhead;
    this.#entitlement = options.entitlement;
    this.#catalog = options.catalog;
    this.#searches = options.searches;
    this.#deletions = options.deletions;
    this.#health = options.health;
    this.#hitValidity = options.hitValidity;
  }

  async manifest(
    target: PullTarget,
    reference: ManifestReference,
    method: 'GET' | 'HEAD',
  ): Promise<ManifestAnswer> {
    // Taken before the answer: what changes while that is made ends it.
    const validity = this.manifestValidity(target, reference, method);
    const answer = await this.#manifest(target, reference, method);
    return isPlainHit(answer) ? { ...answer, validity } : answer;
  }

  #manifest(
    target: PullTarget,
    reference: ManifestReference,
    method: 'GET' | 'HEAD',
  ): Promise<ManifestAnswer> {
    if (target.cachedOnly) return this.#cached.manifest(target, reference);
    const resource = { noun: 'manifest', reference } as const;
    if ('tag' in reference) {
      const { tag } = reference;
      return this.#candidates.first(
        target,
        resource,
        async (repository) =>
          (await this.#tagRecords.find(repository, tag)) !== undefined ||
          (await this.#tags.isKnownAbsent(repository, tag)),
        (repository) => this.#pulled(target, repository, method, this.#tags.byTag(repository, tag, method)),
      );
    }
    const { digest } = reference;
    return this.#candidates.first(
      target,
      resource,
      async (repository) => (await this.#manifests.held(repository, digest)) !== undefined,
      (repository) => {
        if (method === 'GET') this.#pullAhead.asked(repository, digest);
        return this.#pulled(target, repository, method, this.#manifests.byDigest(repository, digest, method));
      },
    );
  }

  async statBlob(target: PullTarget, digest: Digest): Promise<BlobStat> {
    if (target.cachedOnly) return this.#cached.statBlob(target, digest);
    const validity = this.blobValidity(target, digest);
    const stat = await this.#blobRequest(target, digest, (repository, evidence) =>
      this.#blobs.stat(repository, digest, evidence),
    );
    return isPlainHit(stat) ? { ...stat, validity } : stat;
  }

  async openBlob(target: PullTarget, digest: Digest): Promise<BlobAnswer> {
    if (target.cachedOnly) return this.#cached.openBlob(target, digest);
    const validity = this.blobValidity(target, digest);
    const blob = await this.#blobRequest(target, digest, (repository, evidence) => {
      this.#pullAhead.wanted(repository, digest);
      return this.#blobs.open(repository, digest, evidence);
    });
    return isPlainHit(blob) ? Object.assign(blob, { validity }) : blob;
  }

  /** What a hit rests on that {@link manifest} gives after this call. */
  manifestValidity(
    target: PullTarget,
    reference: ManifestReference,
    method: 'GET' | 'HEAD',
  ): Validity | undefined {
    const evidence = this.#evidence(target.reader);
    return this.#hitValidity.manifest(target, reference, (repository, manifest) => {
      if (method === 'GET') this.#pullAhead.pulledAgain(repository, manifest, evidence);
    });
  }

  /** The same for {@link statBlob} and {@link openBlob}. */
  blobValidity(target: PullTarget, digest: Digest): Validity | undefined {
    return this.#hitValidity.blob(target, digest);
  }

  tags(target: PullTarget): Promise<TagsAnswer> {
    if (target.cachedOnly) return this.#cached.tags(target);
    return this.#candidates.first(
      target,
      { noun: 'tags', name: target.name },
      (repository) => this.#tagLists.holds(repository),
      (repository) => this.#tagLists.tags(repository),
    );
  }

  async referrers(
    target: PullTarget,
    subject: Digest,
    artifactType: string | undefined,
  ): Promise<ReferrersAnswer> {
    const answer = target.cachedOnly
      ? await this.#cached.referrers(target, subject)
      : await this.#candidates.first(
          target,
          { noun: 'referrers', name: target.name, subject },
          (repository) => this.#referrers.holds(repository, subject),
          (repository) => this.#referrers.referrers(repository, subject),
        );
    if (artifactType === undefined) return { ...answer, filtered: false };
    const descriptors = answer.descriptors.filter((one) => one.artifactType === artifactType);
    return { ...answer, descriptors, filtered: true };
  }

  catalog(page: CatalogPage): Promise<readonly string[]> {
    return this.#catalog.page(page);
  }

  search(query: SearchQuery): Promise<SearchAnswer> {
    return this.#searches.search(query);
  }

  remove(target: PullTarget, reference: ManifestReference): Promise<Removal> {
    return this.#deletions.remove(target, reference);
  }

  /** Whether content can be kept. An upstream in trouble does not make a mirror unready: it serves what it has. */
  async readiness(): Promise<Readiness> {
    const problems = await this.#health.check();
    return { ready: problems.length === 0, problems };
  }

  /** Has the rest of an image follow its manifest. A HEAD is a question, not a pull. */
  async #pulled(
    { reader }: PullTarget,
    repository: Repository,
    method: 'GET' | 'HEAD',
    answering: Promise<ManifestAnswer>,
  ): Promise<ManifestAnswer> {
    const answer = await answering;
    if (method === 'GET') this.#pullAhead.pulled(repository, answer, this.#evidence(reader));
    return answer;
  }

  #evidence(reader: Reader): ManifestEvidence {
    return this.#gate.seesEverything(reader) ? 'suffices' : 'needs-proof';
  }

  #blobRequest<T>(
    target: PullTarget,
    digest: Digest,
    ask: (repository: Repository, evidence: ManifestEvidence) => Promise<T>,
  ): Promise<T> {
    const evidence = this.#evidence(target.reader);
    return this.#candidates.first(
      target,
      { noun: 'blob', digest },
      async (repository) => (await this.#entitlement.known(repository, digest)) !== undefined,
      (repository) => ask(repository, evidence),
    );
  }
}

/** Whether an answer came from the cache, without a question to upstream, and upstream has nothing to say. */
function isPlainHit({ result, upstreamMs, notices }: BlobStat | BlobAnswer | ManifestAnswer): boolean {
  return result === 'hit' && upstreamMs === 0 && !notices?.length;
}
