import type { Clock } from '../../base/clock.ts';
import { lru } from '../../base/lru.ts';
import { TokenBucket } from '../../base/token-bucket.ts';
import type { Digest } from '../../oci/digest.ts';
import { readImageIndex, type ImageIndex } from '../../oci/image-index.ts';
import { readManifest, type Manifest } from '../../oci/manifest.ts';
import { mediaTypes } from '../../oci/media-type.ts';
import { digestKey, repositoryKey, type Repository } from '../../oci/reference.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { BlobService } from '../blobs/blob-service.ts';
import type { ManifestEvidence } from '../blobs/entitlement.ts';
import type { ManifestFetcher } from '../manifests/manifest-fetcher.ts';
import type { ManifestRecords } from '../manifests/manifest-records.ts';
import type { ManifestAnswer } from '../mirror.ts';
import { within } from '../../base/time-limit.ts';
import type { Routing } from '../../oci/routing.ts';
import type { Upstream } from '../upstream.ts';
import type { PullAheadCounter } from '../../cache/pull-ahead-counter.ts';
import { attestationBlobs } from './attestations.ts';
import { imageBlobs } from './image-blobs.ts';
import { ImageFetcher } from './image-fetcher.ts';
import { Unasked, type PulledImage } from './pulled-image.ts';
import { Speculation } from './speculation.ts';

/** Images under way; beyond, clients fetch for themselves. */
const maxImages = 256;
/** How long an image that is cached is not looked at again, unless something of it is evicted. */
const completeMs = 10 * 60_000;
/** How long an image is left to its clients when it could not be fetched whole. */
const incompleteMs = 30_000;
/** Bytes that may come of an image before a client asks for a layer: one that pulls does so at once. */
const unaskedBytes = 64 * 2 ** 20;
/** The same of all images together, whatever reads their manifests. */
const unaskedOfAll = { bytes: 2 ** 30, ms: 60 * 60_000 };
/** Manifests of several platforms that are asked for within that time are not all pulled. */
const togetherMs = 60_000;
/** How long a client may take from manifest to layer: BuildKit asks once a build step needs it. */
const timeLimitMs = 10 * 60_000;

export interface PullAheadDeps {
  readonly routing: Routing<Pick<Upstream, 'name' | 'breaker' | 'rateLimit' | 'pullAhead'>>;
  readonly blobs: Pick<BlobService, 'fetchAhead'>;
  readonly records: Pick<ManifestRecords, 'manifest' | 'indexesOf'>;
  readonly fetcher: Pick<ManifestFetcher, 'fetch'>;
  readonly counter: PullAheadCounter;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface UnderWay {
  readonly image: PulledImage;
  /** Whether it waits until a client asks for a layer. */
  waits: boolean;
  ended: Promise<void>;
}

/**
 * Fetches an image's blobs once a client has got its manifest, so that they are cached or arriving when the
 * client asks for them. They come by the same fills as for the client itself, and with its rights.
 *
 * A client that reads a manifest need not pull the image: some read those of all platforms, and some nothing
 * else. So until one asks for a layer only a beginning is fetched, and nothing of platforms that are asked
 * about together.
 */
export class PullAhead {
  readonly #deps: PullAheadDeps;
  readonly #bucket: TokenBucket;
  readonly #fetcher: ImageFetcher;
  readonly #underWay = new Map<string, UnderWay>();
  readonly #unasked = new Unasked();
  /** When manifests were last asked for, by the monotonic clock. */
  readonly #askedAt = lru<string, number>(10_000);
  /** Until when a manifest is left alone, by the same clock. */
  readonly #restUntil = lru<Digest, number>(10_000);
  #forgotten = 0;
  #closed = false;

  constructor(deps: PullAheadDeps) {
    this.#deps = deps;
    this.#bucket = new TokenBucket(deps.clock, unaskedOfAll);
    this.#fetcher = new ImageFetcher({ ...deps, goesOn: (repository) => this.#goesOn(repository) });
  }

  /** Told of each manifest that a client asks for by its digest, before it is answered. */
  asked(repository: Repository, digest: Digest): void {
    const { routing, clock } = this.#deps;
    if (!routing.upstream(repository.upstream).pullAhead.enabled) return;
    this.#askedAt.set(digestKey(repository, digest), clock.monotonic());
    for (const { image } of this.#underWay.values()) {
      const isOtherPlatform =
        image.otherPlatforms?.has(digest) === true &&
        repositoryKey(image.repository) === repositoryKey(repository);
      if (isOtherPlatform) image.speculation.stop();
    }
  }

  /** Told of each manifest that answers a client's GET. Must cost nothing for an image that is cached. */
  pulled(
    repository: Repository,
    { descriptor, bytes }: Pick<ManifestAnswer, 'descriptor' | 'bytes'>,
    evidence: ManifestEvidence,
  ): void {
    const { routing, clock } = this.#deps;
    const { digest, mediaType } = descriptor;
    if (bytes === undefined || !isImage(mediaType) || this.#rests(digest) || !this.#goesOn(repository))
      return;
    if (!routing.upstream(repository.upstream).pullAhead.enabled) return;
    const before = this.#underWay.get(digestKey(repository, digest));
    if ((before !== undefined && !this.#beginsAnew(before)) || !this.#hasRoom()) return;
    const blobs = imageBlobs(readManifest(bytes));
    if (blobs.length === 0) this.#restUntil.set(digest, clock.monotonic() + completeMs);
    else {
      const speculation = new Speculation(unaskedBytes, this.#bucket);
      this.#begin({ repository, digest, evidence, blobs, speculation, otherPlatforms: undefined });
    }
  }

  /** The same for a manifest that is given again without the mirror being asked. */
  pulledAgain(repository: Repository, manifest: Manifest, evidence: ManifestEvidence): void {
    // That happens often, and has to cost nothing.
    if (!isImage(manifest.mediaType) || this.#rests(manifest.digest)) return;
    if (this.#underWay.has(digestKey(repository, manifest.digest))) return;
    this.asked(repository, manifest.digest);
    this.pulled(repository, { descriptor: manifest, bytes: manifest.bytes }, evidence);
  }

  /** Told of each blob that a client asks for and may have, before it is answered. */
  wanted(repository: Repository, blob: Digest): void {
    this.#deps.counter.asked(blob);
    const image = this.#unasked.of(repository, blob);
    if (image === undefined) return;
    this.#unasked.delete(image);
    image.speculation.confirm();
  }

  /** Forgets a manifest that has been evicted: its blobs may go, too. */
  forget(digest: Digest): void {
    this.#forgotten += 1;
    this.#restUntil.delete(digest);
  }

  /** Begins nothing more. Resolves when what was begun has ended, which it does with its fills. */
  async close(): Promise<void> {
    this.#closed = true;
    const underWay = [...this.#underWay.values()];
    for (const { image } of underWay) image.speculation.dismiss();
    await Promise.all(underWay.map(({ ended }) => ended));
  }

  #rests(digest: Digest): boolean {
    return (this.#restUntil.get(digest) ?? -Infinity) > this.#deps.clock.monotonic();
  }

  #goesOn(repository: Repository): boolean {
    return !this.#closed && this.#deps.routing.upstream(repository.upstream).breaker.admits;
  }

  /** Whether an image under way starts over: this time its client reads no other platform's manifest. */
  #beginsAnew({ image, waits }: UnderWay): boolean {
    const { speculation } = image;
    if (!speculation.isConfirmed) this.#unasked.add(image);
    if (!waits || !speculation.isStopped || speculation.isExhausted || !this.#mayBegin(image)) return false;
    speculation.dismiss();
    return true;
  }

  /** Whether anything of an image may be fetched before a client asks for a layer. */
  #mayBegin({ repository, otherPlatforms = new Set() }: PulledImage): boolean {
    return !this.#bucket.isSpent && ![...otherPlatforms].some((other) => this.#wasAsked(repository, other));
  }

  /** Without room, an image that only waits for a client gives way. */
  #hasRoom(): boolean {
    if (this.#underWay.size < maxImages) return true;
    const waiting = [...this.#underWay.values()].find(({ waits }) => waits);
    waiting?.image.speculation.dismiss();
    return waiting !== undefined;
  }

  #begin(image: PulledImage): void {
    const { repository, digest } = image;
    const key = digestKey(repository, digest);
    const underWay: UnderWay = { image, waits: false, ended: Promise.resolve() };
    this.#underWay.set(key, underWay);
    this.#unasked.add(image);
    underWay.ended = this.#image(underWay)
      .catch((error: unknown) => {
        this.#deps.logger.error({ err: error, digest }, 'an image could not be fetched ahead of its client');
      })
      .finally(() => {
        this.#unasked.delete(image);
        if (this.#underWay.get(key) === underWay) this.#underWay.delete(key);
      });
  }

  async #image(underWay: UnderWay): Promise<void> {
    const { clock, logger } = this.#deps;
    const { image } = underWay;
    const { repository, digest, speculation } = image;
    const forgotten = this.#forgotten;
    const startedAt = clock.monotonic();
    const indexes = await this.#indexes(image);
    image.otherPlatforms = new Set(
      indexes.flatMap(({ platforms }) => platforms.filter((one) => one !== digest)),
    );
    if (!this.#mayBegin(image)) speculation.stop();
    const isComplete = await this.#fetch(underWay, indexes);
    // Unless it is not pulled, or was evicted meanwhile.
    if (isComplete === undefined || forgotten !== this.#forgotten) return;
    const endedAt = clock.monotonic();
    this.#restUntil.set(digest, endedAt + (isComplete ? completeMs : incompleteMs));
    logger.debug(
      { repository: repositoryKey(repository), digest, isComplete, ms: Math.round(endedAt - startedAt) },
      'fetched an image ahead of its client',
    );
  }

  /**
   * Resolves to whether all of the image is cached now; to undefined when no client has asked for a layer,
   * and some may be missing.
   */
  async #fetch(underWay: UnderWay, indexes: readonly ImageIndex[]): Promise<boolean | undefined> {
    const { image } = underWay;
    const { speculation } = image;
    let isCached = await this.#fetcher.fetch(image, image.blobs);
    if (speculation.wasStopped) {
      if (!(await this.#isPulled(underWay))) return undefined;
      isCached = await this.#fetcher.fetch(image, image.blobs);
    }
    if (!isCached || !indexes.some(({ attestations }) => attestations.has(image.digest))) return isCached;
    // An image that was cached already has been pulled before.
    if (speculation.hasBegun && !(await this.#isPulled(underWay))) return undefined;
    return this.#attested(image, indexes);
  }

  /** Fetches the attestations of an image that is cached. Resolves to whether they are cached, too. */
  async #attested(image: PulledImage, indexes: readonly ImageIndex[]): Promise<boolean> {
    const blobs = await attestationBlobs(this.#deps, image, indexes);
    if (blobs === undefined) return false;
    // Few clients ask for it at all, so it never counts as pulled.
    const speculation = new Speculation(unaskedBytes, this.#bucket);
    return this.#fetcher.fetch({ ...image, speculation }, blobs);
  }

  /** Resolves to whether a client has asked for a layer, or does so soon. */
  async #isPulled(underWay: UnderWay): Promise<boolean> {
    const { speculation } = underWay.image;
    underWay.waits = !speculation.isConfirmed;
    const outcome = await within(this.#deps.clock, timeLimitMs, speculation.outcome);
    underWay.waits = false;
    return outcome === true;
  }

  #wasAsked(repository: Repository, digest: Digest): boolean {
    const askedAt = this.#askedAt.get(digestKey(repository, digest)) ?? -Infinity;
    return this.#deps.clock.monotonic() - askedAt < togetherMs;
  }

  /** The indexes of the repository that list an image. */
  async #indexes({ repository, digest }: PulledImage): Promise<readonly ImageIndex[]> {
    const indexes = await this.#deps.records.indexesOf(repository, digest);
    return indexes.map(({ bytes }) => readImageIndex(bytes));
  }
}

function isImage(mediaType: string): boolean {
  return mediaType === mediaTypes.ociManifest || mediaType === mediaTypes.dockerManifest;
}
