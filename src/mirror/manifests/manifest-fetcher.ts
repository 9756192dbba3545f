import { SingleFlight, type Flight } from '../../base/single-flight.ts';
import type { Digest } from '../../oci/digest.ts';
import { maxManifestBytes, readManifest, type Descriptor, type Manifest } from '../../oci/manifest.ts';
import { manifestMediaTypes } from '../../oci/media-type.ts';
import {
  referenceText,
  repositoryKey,
  type ManifestReference,
  type Repository,
} from '../../oci/reference.ts';
import type { Routing } from '../../oci/routing.ts';
import type { ManifestHead } from '../../upstream/registry.ts';
import { mayHaveReason, refusesName } from '../../upstream/failure-policy.ts';
import type { Upstream } from '../upstream.ts';
import type { ManifestRecords } from './manifest-records.ts';
import { verified } from './verified-manifest.ts';

/** What upstream gave: verified, and stored. */
export interface FetchedManifest {
  readonly manifest: Manifest;
  /** As in {@link ManifestAnswer}. */
  readonly notices: readonly string[];
}

/** What upstream's HEAD said. */
export interface SeenManifest {
  readonly digest: Digest | undefined;
  /** Undefined where upstream did not say enough to answer a client's HEAD. */
  readonly descriptor: Descriptor | undefined;
  /** The manifest that a tag points to if it is cached; or any that it took a GET to find out about. */
  readonly manifest: Manifest | undefined;
  /** Whether {@link manifest} was cached before. */
  readonly wasCached: boolean;
  /** As in {@link ManifestAnswer}. */
  readonly notices: readonly string[];
}

/**
 * Asks upstream about manifests, once for all requests at the same time; verifies and stores what it gives. A
 * GET counts as a pull on Docker Hub, a HEAD does not.
 */
export class ManifestFetcher {
  readonly #routing: Routing<Upstream>;
  readonly #records: ManifestRecords;
  readonly #heads = new SingleFlight<SeenManifest>();
  readonly #fetches = new SingleFlight<FetchedManifest>();

  constructor(routing: Routing<Upstream>, records: ManifestRecords) {
    this.#routing = routing;
    this.#records = records;
  }

  /** One HEAD upstream. Rejects with UpstreamError or RegistryError. */
  head(repository: Repository, reference: ManifestReference): Flight<SeenManifest> {
    return this.#heads.run(flightKey(repository, reference), () => this.#head(repository, reference));
  }

  /**
   * One GET upstream, or a HEAD for a digest that another repository has. Rejects with UpstreamError, or with
   * RegistryError as {@link verified}.
   */
  fetch(repository: Repository, reference: ManifestReference): Flight<FetchedManifest> {
    return this.#fetches.run(flightKey(repository, reference), () =>
      'digest' in reference
        ? this.#fetchByDigest(repository, reference.digest)
        : this.#get(repository, reference),
    );
  }

  async #head(repository: Repository, reference: ManifestReference): Promise<SeenManifest> {
    const { name, registry, breaker } = this.#routing.upstream(repository.upstream);
    const notices: string[] = [];
    const onWarning = (text: string): void => void notices.push(text);
    const head = await breaker.watch(() => registry.headManifest(repository.name, reference, { onWarning }));
    const { bytes, digest } = head;
    if (bytes !== undefined) {
      const given = verified(name, { ...head, bytes }, reference);
      const manifest = await this.#records.keep(repository, given, reference);
      return { digest: manifest.digest, descriptor: manifest, manifest, wasCached: false, notices };
    }
    if ('digest' in reference) {
      const descriptor = complete(head, reference.digest);
      return { digest, descriptor, manifest: undefined, wasCached: false, notices };
    }
    const descriptor = complete(head);
    const manifest = await this.#records.sighted(repository, reference.tag, { digest, descriptor });
    return { digest, descriptor, manifest, wasCached: manifest !== undefined, notices };
  }

  async #get(repository: Repository, reference: ManifestReference): Promise<FetchedManifest> {
    const { name, registry, breaker } = this.#routing.upstream(repository.upstream);
    const notices: string[] = [];
    const onWarning = (text: string): void => void notices.push(text);
    const given = await breaker.watch(() => registry.getManifest(repository.name, reference, { onWarning }));
    const manifest = await this.#records.keep(repository, verified(name, given, reference), reference);
    return { manifest, notices };
  }

  /** Some upstreams give a manifest by its tag, and refuse the digest that they have just stated for it. */
  async #fetchByDigest(repository: Repository, digest: Digest): Promise<FetchedManifest> {
    try {
      return (await this.#shared(repository, digest)) ?? (await this.#get(repository, { digest }));
    } catch (error) {
      if (!refusesName(error)) throw error;
      for (const tag of this.#records.tagsSightedAt(repository, digest)) {
        const given = await this.fetch(repository, { tag }).outcome.catch(() => undefined);
        if (given?.manifest.digest === digest) return given;
      }
      throw error;
    }
  }

  /** A manifest cached for another repository, if a HEAD confirms it for this one: that spends no pull. */
  async #shared(repository: Repository, digest: Digest): Promise<FetchedManifest | undefined> {
    const cached = await this.#records.ofAnyRepository(digest);
    if (cached === undefined) return undefined;
    let seen: SeenManifest;
    try {
      seen = await this.head(repository, { digest }).outcome;
    } catch (error) {
      if (!mayHaveReason(error)) throw error;
      return undefined;
    }
    const { notices } = seen;
    if (seen.manifest !== undefined) return { manifest: seen.manifest, notices };
    if (seen.digest !== digest) return undefined;
    const shared = { manifest: cached, contents: readManifest(cached.bytes) };
    return { manifest: await this.#records.keep(repository, shared, { digest }), notices };
  }
}

/** What a HEAD says, if it is enough to answer a client's HEAD, and of a manifest that can be mirrored. */
function complete(head: ManifestHead, expected?: Digest): Descriptor | undefined {
  const { mediaType, size } = head;
  const digest = head.digest ?? expected;
  if (digest === undefined || mediaType === undefined || size === undefined) return undefined;
  if (expected !== undefined && digest !== expected) return undefined;
  if (!manifestMediaTypes.includes(mediaType) || size > maxManifestBytes) return undefined;
  return { mediaType, digest, size };
}

function flightKey(repository: Repository, reference: ManifestReference): string {
  return `${repositoryKey(repository)} ${referenceText(reference)}`;
}
