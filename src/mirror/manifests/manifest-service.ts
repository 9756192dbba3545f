import { LRUCache } from 'lru-cache';
import type { Clock } from '../../base/clock.ts';
import type { Digest } from '../../oci/digest.ts';
import { registryErrors } from '../../oci/error.ts';
import { manifestMediaTypes } from '../../oci/media-type.ts';
import { maxManifestBytes, readManifest, type Descriptor, type Manifest } from '../../oci/manifest.ts';
import {
  digestKey,
  referenceText,
  repositoryKey,
  type ManifestReference,
  type Repository,
  type Tag,
} from '../../oci/reference.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import { UpstreamError, type ManifestHead } from '../../upstream/registry.ts';
import type { Degradation } from '../../cache/degradation.ts';
import { fetchManifest, verified, type VerifiedManifest } from './manifest-fetcher.ts';
import type { ManifestAnswer } from '../mirror.ts';
import type { Routing } from '../../oci/routing.ts';
import { SingleFlight, type Flight } from '../../base/single-flight.ts';
import type { TagRecords } from './tag-records.ts';
import { clientError, mayHaveReason, refusesName } from '../../upstream/failure-policy.ts';
import type { Upstream } from '../upstream.ts';

/** Bytes of manifests kept in memory. */
const hotBytes = 32 * 1024 * 1024;

export interface ManifestServiceOptions {
  readonly routing: Routing<Upstream>;
  readonly metadata: MetadataStore;
  readonly tags: TagRecords;
  readonly degradation: Degradation;
  readonly clock: Clock;
  /** Told when a repository has come to hold a manifest. */
  readonly onKept: (repository: Repository) => void;
}

/**
 * What upstream says of a manifest, and the manifest where it took a GET to find out: verified, and stored.
 */
export interface SeenManifest {
  readonly head: ManifestHead;
  readonly manifest: Manifest | undefined;
  /** As in {@link ManifestAnswer}. */
  readonly notices: readonly string[];
}

/** What upstream gave: verified, and stored. */
export interface GivenManifest {
  readonly manifest: Manifest;
  /** As in {@link ManifestAnswer}. */
  readonly notices: readonly string[];
}

/** Manifests by digest: from memory, from the database, from upstream. A digest once held is never asked for again. */
export class ManifestService {
  readonly #routing: Routing<Upstream>;
  readonly #metadata: MetadataStore;
  readonly #tags: TagRecords;
  readonly #degradation: Degradation;
  readonly #clock: Clock;
  readonly #onKept: (repository: Repository) => void;
  readonly #hot = new LRUCache<string, Manifest>({
    maxSize: hotBytes,
    sizeCalculation: ({ size }) => size + 512,
  });
  readonly #fetches = new SingleFlight<GivenManifest>();
  readonly #heads = new SingleFlight<SeenManifest>();
  #forgotten = 0;

  constructor({ routing, metadata, tags, degradation, clock, onKept }: ManifestServiceOptions) {
    this.#routing = routing;
    this.#metadata = metadata;
    this.#tags = tags;
    this.#degradation = degradation;
    this.#clock = clock;
    this.#onKept = onKept;
  }

  /** A manifest that is in memory, if the repository may read it. */
  peek(repository: Repository, digest: Digest): Manifest | undefined {
    return this.#hot.get(digestKey(repository, digest));
  }

  /** A manifest that is held, if the repository may read it. */
  async held(repository: Repository, digest: Digest): Promise<Manifest | undefined> {
    const key = digestKey(repository, digest);
    const hot = this.#hot.get(key);
    if (hot !== undefined) return hot;
    const forgotten = this.#forgotten;
    const stored = await this.#degradation.tolerate(() => this.#metadata.manifest(repository, digest));
    // Unless it was evicted since it was read.
    if (stored !== undefined && forgotten === this.#forgotten) this.#hot.set(key, stored);
    return stored;
  }

  /** The indexes of a repository that list a manifest, as far as they are held; those used last, if there are many. */
  async indexesOf(repository: Repository, digest: Digest): Promise<readonly Manifest[]> {
    return (await this.#degradation.tolerate(() => this.#metadata.indexesOf(repository, digest))) ?? [];
  }

  /** Answers a request by digest. A HEAD of what is not held is a HEAD upstream, which spends no pull. */
  async byDigest(repository: Repository, digest: Digest, method: 'GET' | 'HEAD'): Promise<ManifestAnswer> {
    const held = await this.held(repository, digest);
    if (held !== undefined) return this.answer(held, 'hit', 0);
    const startedAt = this.#clock.monotonic();
    try {
      if (method === 'HEAD') {
        const { outcome, joined } = this.head(repository, { digest });
        const { head, manifest, notices } = await outcome;
        const upstreamMs = this.#clock.monotonic() - startedAt;
        const result = joined ? 'joined' : 'miss';
        if (manifest !== undefined) return { ...this.answer(manifest, result, upstreamMs), notices };
        const descriptor = complete(head, digest);
        if (descriptor !== undefined) {
          return { descriptor, bytes: undefined, result, upstreamMs, warning: undefined, notices };
        }
      }
      const { outcome, joined } = this.fetch(repository, { digest });
      const { manifest, notices } = await outcome;
      const upstreamMs = this.#clock.monotonic() - startedAt;
      return { ...this.answer(manifest, joined ? 'joined' : 'miss', upstreamMs), notices };
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      throw clientError(error, () => registryErrors.manifestUnknown(digest, undefined, { cause: error }));
    }
  }

  /** An answer with a manifest's bytes; notes the use. */
  answer(
    manifest: Manifest,
    result: ManifestAnswer['result'],
    upstreamMs: number,
    warning?: string,
  ): ManifestAnswer {
    this.#metadata.touch([manifest.digest]);
    return { descriptor: manifest, bytes: manifest.bytes, result, upstreamMs, warning };
  }

  /** One HEAD upstream, however many ask. Rejects with UpstreamError or RegistryError. */
  head(repository: Repository, reference: ManifestReference): Flight<SeenManifest> {
    const upstream = this.#routing.upstream(repository.upstream);
    const { registry, breaker } = upstream;
    return this.#heads.run(flightKey(repository, reference), async () => {
      const notices: string[] = [];
      const onWarning = (text: string): void => void notices.push(text);
      const head = await breaker.watch(() =>
        registry.headManifest(repository.name, reference, { onWarning }),
      );
      const { bytes } = head;
      if (bytes === undefined) return { head, manifest: undefined, notices };
      const given = verified(upstream, { ...head, bytes }, reference);
      return { head, manifest: await this.#keep(repository, given, tagOf(reference)), notices };
    });
  }

  /** One GET upstream, however many ask; verified and stored, with the tags that point to it. Rejects with UpstreamError or RegistryError. */
  fetch(repository: Repository, reference: ManifestReference): Flight<GivenManifest> {
    return this.#fetches.run(flightKey(repository, reference), () =>
      'digest' in reference
        ? this.#fetchByDigest(repository, reference.digest)
        : this.#fetchFrom(repository, reference),
    );
  }

  /** Forgets a manifest that the database has dropped. */
  forget(repository: Repository, digest: Digest): void {
    this.#forgotten += 1;
    this.#hot.delete(digestKey(repository, digest));
  }

  async #fetchFrom(repository: Repository, reference: ManifestReference): Promise<GivenManifest> {
    const upstream = this.#routing.upstream(repository.upstream);
    const notices: string[] = [];
    const onWarning = (text: string): void => void notices.push(text);
    const fetched = await fetchManifest(upstream, repository, reference, { onWarning });
    return { manifest: await this.#keep(repository, fetched, tagOf(reference)), notices };
  }

  /**
   * Some upstreams give a tag's manifest by the tag, and refuse it by the digest that they have just stated
   * for it.
   */
  async #fetchByDigest(repository: Repository, digest: Digest): Promise<GivenManifest> {
    try {
      return (await this.#shared(repository, digest)) ?? (await this.#fetchFrom(repository, { digest }));
    } catch (error) {
      if (!refusesName(error)) throw error;
      for (const tag of this.#tags.sightedAs(repository, digest)) {
        const given = await this.fetch(repository, { tag }).outcome.catch(() => undefined);
        if (given?.manifest.digest === digest) return given;
      }
      throw error;
    }
  }

  /** A manifest that another repository holds, once a HEAD has confirmed it for this one: that spends no pull. */
  async #shared(repository: Repository, digest: Digest): Promise<GivenManifest | undefined> {
    const other = await this.#degradation.tolerate(() => this.#metadata.anyManifest(digest));
    if (other === undefined) return undefined;
    let seen: SeenManifest;
    try {
      seen = await this.head(repository, { digest }).outcome;
    } catch (error) {
      if (!mayHaveReason(error)) throw error;
      return undefined;
    }
    const { head, manifest, notices } = seen;
    if (manifest !== undefined) return { manifest, notices };
    if (head.digest !== digest) return undefined;
    const shared = { manifest: other, contents: readManifest(other.bytes) };
    return { manifest: await this.#keep(repository, shared, undefined), notices };
  }

  /** Writes down a manifest that is in memory only, since the database could not take it, or has lost it. */
  async write(
    repository: Repository,
    manifest: Manifest,
    tag: { readonly name: Tag; readonly checkedAt: number },
  ): Promise<void> {
    const contents = readManifest(manifest.bytes);
    await this.#degradation.tolerate(() => this.#metadata.putManifest(repository, manifest, contents, tag));
    this.#onKept(repository);
  }

  async #keep(
    repository: Repository,
    { manifest, contents }: VerifiedManifest,
    tag: Tag | undefined,
  ): Promise<Manifest> {
    const fetched = tag === undefined ? [] : [{ name: tag, checkedAt: this.#clock.now() }];
    const [first, ...others] = [...fetched, ...this.#tags.claim(repository, manifest.digest)];
    this.#hot.set(digestKey(repository, manifest.digest), manifest);
    if (first !== undefined) {
      this.#tags.remember(repository, first.name, { digest: manifest.digest, checkedAt: first.checkedAt });
    }
    await this.#degradation.tolerate(() => this.#metadata.putManifest(repository, manifest, contents, first));
    for (const { name, checkedAt } of others) {
      await this.#tags.confirm(repository, name, { digest: manifest.digest, checkedAt });
    }
    this.#onKept(repository);
    return manifest;
  }
}

/** What a HEAD tells, if it tells enough to answer a client's HEAD, and of something that a GET could give. */
export function complete(head: ManifestHead, expected?: Digest): Descriptor | undefined {
  const { mediaType, size } = head;
  const digest = head.digest ?? expected;
  if (digest === undefined || mediaType === undefined || size === undefined) return undefined;
  if (expected !== undefined && digest !== expected) return undefined;
  if (!manifestMediaTypes.includes(mediaType) || size > maxManifestBytes) return undefined;
  return { mediaType, digest, size };
}

function tagOf(reference: ManifestReference): Tag | undefined {
  return 'tag' in reference ? reference.tag : undefined;
}

function flightKey(repository: Repository, reference: ManifestReference): string {
  return `${repositoryKey(repository)} ${referenceText(reference)}`;
}
