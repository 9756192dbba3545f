import { isWithin, type Clock } from '../../base/clock.ts';
import { lru } from '../../base/lru.ts';
import type { Digest } from '../../oci/digest.ts';
import { registryErrors, RegistryError } from '../../oci/error.ts';
import type { Descriptor, Manifest } from '../../oci/manifest.ts';
import { tagKey, type Repository, type Tag } from '../../oci/reference.ts';
import { UpstreamError } from '../../upstream/registry.ts';
import type { Absences } from './absences.ts';
import { complete, type ManifestService } from './manifest-service.ts';
import type { CacheResult, ManifestAnswer } from '../mirror.ts';
import { elapsed, within } from '../../base/time-limit.ts';
import type { Routing } from '../../oci/routing.ts';
import { SingleFlight } from '../../base/single-flight.ts';
import type { TagRecords } from './tag-records.ts';
import {
  clientError,
  isNotFound,
  isPassing,
  mayHaveReason,
  notAsked,
  refusesName,
  upstreamTimeLimits,
} from '../../upstream/failure-policy.ts';
import type { Upstream } from '../upstream.ts';

export interface TagServiceOptions {
  readonly routing: Routing<Upstream>;
  readonly manifests: ManifestService;
  readonly tags: TagRecords;
  readonly absences: Absences;
  readonly clock: Clock;
}

/** What a HEAD told of a tag: the manifest if it is held, else its descriptor if upstream stated it whole. */
interface TagCheck {
  readonly held: Manifest | undefined;
  /** The manifest where it took a GET to find out. */
  readonly given: Manifest | undefined;
  readonly descriptor: Descriptor | undefined;
  /** As in {@link ManifestAnswer}. */
  readonly notices: readonly string[];
}

/** What upstream said of a tag: at least a complete descriptor, and the manifest where that is held now. */
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

/** Manifests by tag: fresh from the cache, confirmed by upstream, or stale when upstream cannot confirm. */
export class TagService {
  readonly #routing: Routing<Upstream>;
  readonly #manifests: ManifestService;
  readonly #tags: TagRecords;
  readonly #absences: Absences;
  readonly #clock: Clock;
  readonly #checks = new SingleFlight<TagCheck>();
  /** Cached tags that upstream answered with an error of its own: why, and when. */
  readonly #refused = lru<string, { readonly checkedAt: number; readonly reason: string }>(10_000);

  constructor({ routing, manifests, tags, absences, clock }: TagServiceOptions) {
    this.#routing = routing;
    this.#manifests = manifests;
    this.#tags = tags;
    this.#absences = absences;
    this.#clock = clock;
  }

  /** Whether a tag that was checked then (milliseconds since the epoch) is served without asking upstream now. */
  isFresh(repository: Repository, tag: Tag, checkedAt: number): boolean {
    const { freshness } = this.#routing.upstream(repository.upstream);
    return isWithin(this.#clock, freshness.maxAge(repository, tag), checkedAt);
  }

  async byTag(repository: Repository, tag: Tag, method: 'GET' | 'HEAD'): Promise<ManifestAnswer> {
    const record = this.#tags.peek(repository, tag) ?? (await this.#tags.find(repository, tag));
    const held =
      record === undefined
        ? undefined
        : (this.#manifests.peek(repository, record.digest) ??
          (await this.#manifests.held(repository, record.digest)));
    if (record !== undefined && held !== undefined) {
      if (this.isFresh(repository, tag, record.checkedAt)) return this.#manifests.answer(held, 'hit', 0);
      return this.#revalidate(repository, tag, held, method);
    }
    const startedAt = this.#clock.monotonic();
    try {
      const resolution = await this.#ask(repository, tag, method);
      return this.#answer(
        resolution,
        resolution.joined ? 'joined' : 'miss',
        this.#clock.monotonic() - startedAt,
      );
    } catch (error) {
      throw clientFault(error, tag);
    }
  }

  /** Whether the answer for a tag that is not held can be had without upstream: that there is none. */
  isKnownAbsent(repository: Repository, tag: Tag): Promise<boolean> {
    return this.#absences.has(repository, tag);
  }

  /**
   * Asks upstream about a tag that is not held. What upstream had not when it was last asked, it has not while it cannot be
   * asked: that is what a registry says of most signatures, and clients go on without.
   */
  async #ask(repository: Repository, tag: Tag, method: 'GET' | 'HEAD'): Promise<Resolution> {
    const { breaker } = this.#routing.upstream(repository.upstream);
    const isAbsent = await this.#absences.has(repository, tag);
    if (isAbsent && !breaker.admits) throw stillAbsent(tag, notAsked);
    const asking = this.#resolve(repository, tag, method);
    try {
      const first = await (isAbsent ? within(this.#clock, upstreamTimeLimits.confirmation, asking) : asking);
      if (first !== elapsed) return first;
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      if (isNotFound(error)) await this.#absences.note(repository, tag, this.#clock.now());
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
    held: Manifest,
    method: 'GET' | 'HEAD',
  ): Promise<ManifestAnswer> {
    const { breaker } = this.#routing.upstream(repository.upstream);
    const key = tagKey(repository, tag);
    const refused = this.#refused.get(key);
    if (refused !== undefined && this.isFresh(repository, tag, refused.checkedAt))
      return this.#stale(held, refused.reason, 0);
    if (!breaker.admits) return this.#stale(held, notAsked, 0);

    const startedAt = this.#clock.monotonic();
    const resolution = this.#resolve(repository, tag, method).then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    const first = await within(this.#clock, upstreamTimeLimits.confirmation, resolution);
    const upstreamMs = this.#clock.monotonic() - startedAt;
    if (first === elapsed) {
      breaker.timedOut();
      return this.#stale(held, 'upstream does not answer in time', upstreamMs);
    }
    if ('error' in first) return this.#failed(first.error, { repository, tag, key, held, upstreamMs });
    this.#refused.delete(key);
    const { joined, confirmed } = first.value;
    return this.#answer(first.value, confirmed ? 'hit' : joined ? 'joined' : 'miss', upstreamMs);
  }

  #answer(
    { descriptor, manifest, notices }: Resolution,
    result: CacheResult,
    upstreamMs: number,
  ): ManifestAnswer {
    return manifest === undefined
      ? { descriptor, bytes: undefined, result, upstreamMs, warning: undefined, notices }
      : { ...this.#manifests.answer(manifest, result, upstreamMs), notices };
  }

  async #failed(
    error: unknown,
    at: { repository: Repository; tag: Tag; key: string; held: Manifest; upstreamMs: number },
  ): Promise<ManifestAnswer> {
    if (!(error instanceof UpstreamError || error instanceof RegistryError)) throw error;
    const { freshness } = this.#routing.upstream(at.repository.upstream);
    if (isNotFound(error) && freshness.gone === 'drop') {
      await this.#tags.remove(at.repository, at.tag);
      await this.#absences.note(at.repository, at.tag, this.#clock.now());
      throw clientFault(error, at.tag);
    }
    // The breaker remembers those; any other answer is this tag's own, and is as good as fresh.
    if (!(error instanceof UpstreamError && isPassing(error))) {
      this.#refused.set(at.key, { checkedAt: this.#clock.now(), reason: error.message });
    }
    return this.#stale(at.held, error.message, at.upstreamMs);
  }

  #stale(held: Manifest, reason: string, upstreamMs: number): ManifestAnswer {
    return this.#manifests.answer(held, 'stale', upstreamMs, reason);
  }

  /**
   * What upstream says a tag is: a HEAD, and a GET by digest only when a GET was asked for and the manifest is not held.
   * Rejects with UpstreamError or RegistryError.
   */
  async #resolve(repository: Repository, tag: Tag, method: 'GET' | 'HEAD'): Promise<Resolution> {
    const sighting = this.#tags.sighting(repository, tag);
    if (sighting !== undefined && this.isFresh(repository, tag, sighting.checkedAt)) {
      const { descriptor } = sighting;
      if (method === 'HEAD')
        return { descriptor, manifest: undefined, joined: false, confirmed: true, notices: [] };
      try {
        return await this.#fetchedAs(repository, tag, descriptor.digest);
      } catch (error) {
        if (!isNotFound(error)) throw error;
        // The tag has moved since, and its old manifest is deleted upstream: ask what the tag is now.
        this.#tags.forget(repository, tag);
      }
    }
    const { outcome, joined } = this.#checks.run(tagKey(repository, tag), () => this.#check(repository, tag));
    let check: TagCheck;
    try {
      check = await outcome;
    } catch (error) {
      // A refusal of HEAD tells no reason.
      if (method === 'HEAD' || !mayHaveReason(error)) throw error;
      return this.#fetched(repository, { tag });
    }
    const { held, given, descriptor, notices } = check;
    if (given !== undefined) return { descriptor: given, manifest: given, joined, confirmed: false, notices };
    if (held !== undefined) return { descriptor: held, manifest: held, joined, confirmed: true, notices };
    if (descriptor === undefined) return this.#fetched(repository, { tag });
    if (method === 'HEAD') return { descriptor, manifest: undefined, joined, confirmed: false, notices };
    const fetched = await this.#fetchedAs(repository, tag, descriptor.digest);
    return { ...fetched, notices: [...new Set([...notices, ...fetched.notices])] };
  }

  /** The manifest that HEAD has stated for a tag; or the one that the tag is now, where that one was refused. */
  async #fetchedAs(repository: Repository, tag: Tag, digest: Digest): Promise<Resolution> {
    const startedAt = this.#clock.now();
    try {
      return await this.#fetched(repository, { digest });
    } catch (error) {
      const now = refusesName(error) ? this.#foundSince(startedAt, repository, tag) : undefined;
      if (now === undefined) throw error;
      return { descriptor: now, manifest: now, joined: false, confirmed: false, notices: [] };
    }
  }

  /** What a tag is, if it was fetched since then. */
  #foundSince(time: number, repository: Repository, tag: Tag): Manifest | undefined {
    const record = this.#tags.peek(repository, tag);
    if (record === undefined || record.checkedAt < time) return undefined;
    return this.#manifests.peek(repository, record.digest);
  }

  /** One HEAD upstream, and what follows from it whoever asked. */
  async #check(repository: Repository, tag: Tag): Promise<TagCheck> {
    const { head, manifest: given, notices } = await this.#manifests.head(repository, { tag }).outcome;
    if (given !== undefined) return { held: undefined, given, descriptor: given, notices };
    const checkedAt = this.#clock.now();
    const held = head.digest === undefined ? undefined : await this.#manifests.held(repository, head.digest);
    if (held !== undefined) {
      const isWritten = await this.#tags.confirm(repository, tag, { digest: held.digest, checkedAt });
      if (!isWritten) await this.#manifests.write(repository, held, { name: tag, checkedAt });
      return { held, given: undefined, descriptor: held, notices };
    }
    const descriptor = complete(head);
    if (descriptor !== undefined) this.#tags.sighted(repository, tag, { descriptor, checkedAt });
    return { held: undefined, given: undefined, descriptor, notices };
  }

  async #fetched(
    repository: Repository,
    reference: Parameters<ManifestService['fetch']>[1],
  ): Promise<Resolution> {
    const { outcome, joined } = this.#manifests.fetch(repository, reference);
    const { manifest, notices } = await outcome;
    return { descriptor: manifest, manifest, joined, confirmed: false, notices };
  }
}

/** Upstream had no such tag, and cannot be asked again. */
function stillAbsent(tag: Tag, reason: string, cause?: UpstreamError): RegistryError {
  const message = `there was no such tag when upstream was last asked; it is not asked now: ${reason}`;
  return registryErrors.manifestUnknown(tag, message, { cause });
}

function clientFault(error: unknown, tag: Tag): unknown {
  if (!(error instanceof UpstreamError)) return error;
  return clientError(error, () => registryErrors.manifestUnknown(tag, undefined, { cause: error }));
}
