import type { StoreHealth } from '../cache/space/store-health.ts';
import type { Digest } from '../oci/digest.ts';
import type { ManifestReference, Repository } from '../oci/reference.ts';
import type { Gate } from './access/gate.ts';
import type { BlobService } from './blobs/blob-service.ts';
import type { Entitlement, ManifestEvidence } from './blobs/entitlement.ts';
import type { CachedContent } from './cached-content.ts';
import type { Candidates } from './candidates.ts';
import type { Deletions } from './deletions.ts';
import type { HitValidity } from './hit-validity.ts';
import type { Catalog } from './lists/catalog.ts';
import type { ReferrersService } from './lists/referrers-service.ts';
import type { SearchService } from './lists/search-service.ts';
import type { TagListService } from './lists/tag-list-service.ts';
import type { ManifestRecords } from './manifests/manifest-records.ts';
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
  TagsAnswer,
  Validity,
} from './mirror.ts';
import type { PullAhead } from './pull-ahead/pull-ahead.ts';

export interface PullThroughMirrorDeps {
  readonly candidates: Candidates;
  readonly cached: CachedContent;
  readonly gate: Gate;
  readonly records: ManifestRecords;
  readonly manifests: ManifestService;
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

/** The mirror as `http/` sees it: resolves names, checks access, then asks the service for what is wanted. */
export class PullThroughMirror implements Mirror {
  readonly #deps: PullThroughMirrorDeps;

  constructor(deps: PullThroughMirrorDeps) {
    this.#deps = deps;
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
    const { candidates, cached, gate, records, manifests, pullAhead } = this.#deps;
    if (target.cachedOnly) return cached.manifest(target, reference);
    return candidates.first(
      target,
      { noun: 'manifest', reference },
      (repository) => records.canAnswer(repository, reference),
      async (repository) => {
        // A HEAD is a question, not a pull.
        if (method === 'HEAD') return manifests.get(repository, reference, method);
        if ('digest' in reference) pullAhead.asked(repository, reference.digest);
        const answer = await manifests.get(repository, reference, method);
        pullAhead.pulled(repository, answer, gate.manifestEvidence(target.reader));
        return answer;
      },
    );
  }

  async statBlob(target: PullTarget, digest: Digest): Promise<BlobStat> {
    const { cached, blobs } = this.#deps;
    if (target.cachedOnly) return cached.statBlob(target, digest);
    const validity = this.blobValidity(target, digest);
    const stat = await this.#blob(target, digest, (repository, evidence) =>
      blobs.stat(repository, digest, evidence),
    );
    return isPlainHit(stat) ? { ...stat, validity } : stat;
  }

  async openBlob(target: PullTarget, digest: Digest): Promise<BlobAnswer> {
    const { cached, blobs, pullAhead } = this.#deps;
    if (target.cachedOnly) return cached.openBlob(target, digest);
    const validity = this.blobValidity(target, digest);
    const blob = await this.#blob(target, digest, (repository, evidence) => {
      pullAhead.wanted(repository, digest);
      return blobs.open(repository, digest, evidence);
    });
    return isPlainHit(blob) ? Object.assign(blob, { validity }) : blob;
  }

  /** What a hit rests on that {@link manifest} gives after this call. */
  manifestValidity(
    target: PullTarget,
    reference: ManifestReference,
    method: 'GET' | 'HEAD',
  ): Validity | undefined {
    return this.#deps.hitValidity.manifest(target, reference, method);
  }

  /** The same for {@link statBlob} and {@link openBlob}. */
  blobValidity(target: PullTarget, digest: Digest): Validity | undefined {
    return this.#deps.hitValidity.blob(target, digest);
  }

  tags(target: PullTarget): Promise<TagsAnswer> {
    const { candidates, cached, tagLists } = this.#deps;
    if (target.cachedOnly) return cached.tags(target);
    return candidates.first(
      target,
      { noun: 'tags', name: target.name },
      (repository) => tagLists.canAnswer(repository),
      (repository) => tagLists.tags(repository),
    );
  }

  async referrers(
    target: PullTarget,
    subject: Digest,
    artifactType: string | undefined,
  ): Promise<ReferrersAnswer> {
    const { candidates, cached, referrers } = this.#deps;
    const answer = target.cachedOnly
      ? await cached.referrers(target, subject)
      : await candidates.first(
          target,
          { noun: 'referrers', name: target.name, subject },
          (repository) => referrers.canAnswer(repository, subject),
          (repository) => referrers.referrers(repository, subject),
        );
    if (artifactType === undefined) return { ...answer, filtered: false };
    const descriptors = answer.descriptors.filter((one) => one.artifactType === artifactType);
    return { ...answer, descriptors, filtered: true };
  }

  catalog(page: CatalogPage): Promise<readonly string[]> {
    return this.#deps.catalog.find(page);
  }

  search(query: SearchQuery): Promise<SearchAnswer> {
    return this.#deps.searches.search(query);
  }

  remove(target: PullTarget, reference: ManifestReference): Promise<Removal> {
    return this.#deps.deletions.remove(target, reference);
  }

  /** Whether content can be kept. An upstream in trouble does not make a mirror unready: it serves what it has. */
  async readiness(): Promise<Readiness> {
    const problems = await this.#deps.health.check();
    return { ready: problems.length === 0, problems };
  }

  #blob<T>(
    target: PullTarget,
    digest: Digest,
    ask: (repository: Repository, evidence: ManifestEvidence) => Promise<T>,
  ): Promise<T> {
    const { candidates, gate, entitlement } = this.#deps;
    const evidence = gate.manifestEvidence(target.reader);
    return candidates.first(
      target,
      { noun: 'blob', digest },
      async (repository) => (await entitlement.known(repository, digest)) !== undefined,
      (repository) => ask(repository, evidence),
    );
  }
}

/** Whether an answer came from the cache, without a question to upstream, and upstream has nothing to say. */
function isPlainHit({ result, upstreamMs, notices }: BlobStat | BlobAnswer | ManifestAnswer): boolean {
  return result === 'hit' && upstreamMs === 0 && !notices?.length;
}
