import { isWithin, type Clock } from '../../base/clock.ts';
import { lru } from '../../base/lru.ts';
import { elapsed, within } from '../../base/time-limit.ts';
import type { Digest } from '../../oci/digest.ts';
import { registryErrors, RegistryError } from '../../oci/error.ts';
import type { Descriptor, Manifest } from '../../oci/manifest.ts';
import {
  referenceText,
  tagKey,
  type ManifestReference,
  type Repository,
  type Tag,
} from '../../oci/reference.ts';
import type { Routing } from '../../oci/routing.ts';
import { offlineError } from '../../upstream/connectivity.ts';
import {
  clientError,
  isNotFound,
  isPassing,
  mayHaveReason,
  notAsked,
  refusesName,
  upstreamTimeLimits,
} from '../../upstream/failure-policy.ts';
import { UpstreamError } from '../../upstream/registry.ts';
import type { CacheResult, ManifestAnswer } from '../mirror.ts';
import type { Upstream } from '../upstream.ts';
import type { ManifestFetcher, SeenManifest } from './manifest-fetcher.ts';
import type { ManifestRecords } from './manifest-records.ts';

export interface ManifestServiceDeps {
  readonly routing: Routing<Upstream>;
  readonly records: ManifestRecords;
  readonly fetcher: ManifestFetcher;
  readonly clock: Clock;
}

/** What upstream said of a manifest: a complete descriptor, and the manifest where that is cached by now. */
interface Resolution {
  readonly descriptor: Descriptor;
  readonly manifest: Manifest | undefined;
  /** Somebody else's request found it out. */
  readonly joined: boolean;
  /** Nothing had to be fetched. */
  readonly confirmed: boolean;
  /** As in {@link ManifestAnswer}. */
  readonly notices: readonly string[];
}

/**
 * Manifests: fresh from the cache, confirmed by upstream, fetched, or stale when upstream cannot confirm
 * them. What is cached by digest is never asked for again.
 */
export class ManifestService {
  readonly #deps: ManifestServiceDeps;
  /** Cached tags that upstream answered with an error of its own: why, and when. */
  readonly #refused = lru<string, { readonly checkedAt: number; readonly reason: string }>(10_000);

  constructor(deps: ManifestServiceDeps) {
    this.#deps = deps;
  }

  /** Whether a tag that was checked then (milliseconds since the epoch) is served without asking upstream. */
  isFresh(repository: Repository, tag: Tag, checkedAt: number): boolean {
    const { breaker, freshness } = this.#upstream(repository);
    return breaker.isOffline || isWithin(this.#deps.clock, freshness.maxAge(repository, tag), checkedAt);
  }

  /** As {@link Mirror.manifest}. A HEAD of what is not cached is a HEAD upstream, which spends no pull. */
  async get(
    repository: Repository,
    reference: ManifestReference,
    method: 'GET' | 'HEAD',
  ): Promise<ManifestAnswer> {
    const { records, clock } = this.#deps;
    if ('digest' in reference) {
      const cached = await records.manifest(repository, reference.digest);
      if (cached !== undefined) return this.#cached(cached, 'hit', 0);
    } else {
      const { tag } = reference;
      const cached = records.peekTagged(repository, tag) ?? (await records.tagged(repository, tag));
      if (cached !== undefined) {
        const { manifest, checkedAt } = cached;
        if (this.isFresh(repository, tag, checkedAt)) return this.#cached(manifest, 'hit', 0);
        return this.#revalidate(repository, tag, manifest, method);
      }
    }
    const startedAt = clock.monotonic();
    try {
      if (this.#upstream(repository).breaker.isOffline) throw offlineError();
      const resolution = await ('tag' in reference
        ? this.#askTag(repository, reference.tag, method)
        : this.#resolveDigest(repository, reference.digest, method));
      const result = resolution.joined ? 'joined' : 'miss';
      return this.#resolved(resolution, result, clock.monotonic() - startedAt);
    } catch (error) {
      throw clientFault(error, reference);
    }
  }

  /**
   * Asks upstream about a tag that is not cached. While upstream cannot be asked, what it did not have before
   * is a 404 again: that is what a registry says of most signatures, and clients go on without.
   */
  async #askTag(repository: Repository, tag: Tag, method: 'GET' | 'HEAD'): Promise<Resolution> {
    const { records, clock } = this.#deps;
    const { breaker } = this.#upstream(repository);
    const isAbsent = await records.isAbsent(repository, tag);
    if (isAbsent && !breaker.admits) throw stillAbsent(tag, notAsked);
    const asking = this.#resolveTag(repository, tag, method);
    try {
      const first = await (isAbsent ? within(clock, upstreamTimeLimits.confirmation, asking) : asking);
      if (first !== elapsed) return first;
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      if (isNotFound(error)) await records.noteAbsent(repository, tag);
      if (isAbsent && isPassing(error)) throw stillAbsent(tag, error.message, error);
      throw error;
    }
    breaker.timedOut();
    throw stillAbsent(tag, 'upstream does not answer in time');
  }

  /** Asks upstream about a tag that is cached but due; never longer than a client would put up with. */
  async #revalidate(
    repository: Repository,
    tag: Tag,
    cached: Manifest,
    method: 'GET' | 'HEAD',
  ): Promise<ManifestAnswer> {
    const { clock } = this.#deps;
    const { breaker } = this.#upstream(repository);
    const key = tagKey(repository, tag);
    const refused = this.#refused.get(key);
    if (refused !== undefined && this.isFresh(repository, tag, refused.checkedAt))
      return this.#cached(cached, 'stale', 0, refused.reason);
    if (!breaker.admits) return this.#cached(cached, 'stale', 0, notAsked);

    const startedAt = clock.monotonic();
    const upstreamMs = (): number => clock.monotonic() - startedAt;
    try {
      const first = await within(
        clock,
        upstreamTimeLimits.confirmation,
        this.#resolveTag(repository, tag, method),
      );
      if (first === elapsed) {
        breaker.timedOut();
        return this.#cached(cached, 'stale', upstreamMs(), 'upstream does not answer in time');
      }
      this.#refused.delete(key);
      const result = first.confirmed ? 'hit' : first.joined ? 'joined' : 'miss';
      return this.#resolved(first, result, upstreamMs());
    } catch (error) {
      if (!(error instanceof UpstreamError || error instanceof RegistryError)) throw error;
      await this.#failed(error, repository, tag);
      return this.#cached(cached, 'stale', upstreamMs(), error.message);
    }
  }

  /** Upstream did not confirm a cached tag. Throws where tags are dropped that upstream no longer has. */
  async #failed(error: UpstreamError | RegistryError, repository: Repository, tag: Tag): Promise<void> {
    const { records, clock } = this.#deps;
    if (isNotFound(error) && this.#upstream(repository).freshness.gone === 'drop') {
      await records.removeTag(repository, tag);
      await records.noteAbsent(repository, tag);
      throw clientFault(error, { tag });
    }
    // The breaker remembers those; any other answer is this tag's own, and is as good as fresh.
    if (error instanceof UpstreamError && isPassing(error)) return;
    this.#refused.set(tagKey(repository, tag), { checkedAt: clock.now(), reason: error.message });
  }

  async #resolveDigest(repository: Repository, digest: Digest, method: 'GET' | 'HEAD'): Promise<Resolution> {
    if (method === 'HEAD') {
      const { outcome, joined } = this.#deps.fetcher.head(repository, { digest });
      const { manifest, descriptor, notices } = await outcome;
      if (descriptor !== undefined) return { descriptor, manifest, joined, confirmed: false, notices };
    }
    return this.#fetched(repository, { digest });
  }

  /**
   * What upstream says a tag is: a HEAD, and a GET by digest only when a GET was asked for and the manifest
   * is not cached. Rejects with UpstreamError or RegistryError.
   */
  async #resolveTag(repository: Repository, tag: Tag, method: 'GET' | 'HEAD'): Promise<Resolution> {
    const { records, fetcher } = this.#deps;
    const sighting = records.sighting(repository, tag);
    if (sighting !== undefined && this.isFresh(repository, tag, sighting.checkedAt)) {
      const { descriptor } = sighting;
      if (method === 'HEAD')
        return { descriptor, manifest: undefined, joined: false, confirmed: true, notices: [] };
      try {
        return await this.#fetchedAs(repository, tag, descriptor.digest);
      } catch (error) {
        if (!isNotFound(error)) throw error;
        // The tag has moved since, and its old manifest is deleted upstream: ask what the tag is now.
        records.forgetSighting(repository, tag);
      }
    }
    const { outcome, joined } = fetcher.head(repository, { tag });
    let seen: SeenManifest;
    try {
      seen = await outcome;
    } catch (error) {
      // A refusal of HEAD tells no reason.
      if (method === 'HEAD' || !mayHaveReason(error)) throw error;
      return this.#fetched(repository, { tag });
    }
    const { manifest, wasCached, notices } = seen;
    const descriptor = manifest ?? seen.descriptor;
    if (descriptor === undefined) return this.#fetched(repository, { tag });
    if (manifest !== undefined || method === 'HEAD')
      return { descriptor, manifest, joined, confirmed: wasCached, notices };
    const fetched = await this.#fetchedAs(repository, tag, descriptor.digest);
    return { ...fetched, notices: [...new Set([...notices, ...fetched.notices])] };
  }

  /** The manifest that HEAD stated for a tag; or the one that it points to now, if that was refused. */
  async #fetchedAs(repository: Repository, tag: Tag, digest: Digest): Promise<Resolution> {
    const startedAt = this.#deps.clock.now();
    try {
      return await this.#fetched(repository, { digest });
    } catch (error) {
      const now = refusesName(error) ? this.#deps.records.peekTagged(repository, tag) : undefined;
      if (now === undefined || now.checkedAt < startedAt) throw error;
      const { manifest } = now;
      return { descriptor: manifest, manifest, joined: false, confirmed: false, notices: [] };
    }
  }

  async #fetched(repository: Repository, reference: ManifestReference): Promise<Resolution> {
    const { outcome, joined } = this.#deps.fetcher.fetch(repository, reference);
    const { manifest, notices } = await outcome;
    return { descriptor: manifest, manifest, joined, confirmed: false, notices };
  }

  #resolved(
    { descriptor, manifest, notices }: Resolution,
    result: CacheResult,
    upstreamMs: number,
  ): ManifestAnswer {
    return manifest === undefined
      ? { descriptor, bytes: undefined, result, upstreamMs, warning: undefined, notices }
      : { ...this.#cached(manifest, result, upstreamMs), notices };
  }

  /** An answer with a manifest's bytes, which is a use. */
  #cached(manifest: Manifest, result: CacheResult, upstreamMs: number, warning?: string): ManifestAnswer {
    this.#deps.records.used(manifest);
    return { descriptor: manifest, bytes: manifest.bytes, result, upstreamMs, warning };
  }

  #upstream(repository: Repository): Upstream {
    return this.#deps.routing.upstream(repository.upstream);
  }
}

/** Upstream had no such tag, and cannot be asked again. */
function stillAbsent(tag: Tag, reason: string, cause?: UpstreamError): RegistryError {
  const message = `there was no such tag when upstream was last asked; it is not asked now: ${reason}`;
  return registryErrors.manifestUnknown(tag, message, { cause });
}

function clientFault(error: unknown, reference: ManifestReference): unknown {
  if (!(error instanceof UpstreamError)) return error;
  const unknown = (): RegistryError =>
    registryErrors.manifestUnknown(referenceText(reference), undefined, { cause: error });
  return clientError(error, unknown);
}
