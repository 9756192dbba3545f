import type { Clock } from '../../clock.ts';
import { lru } from '../../lru.ts';
import type { Digest } from '../../oci/digest.ts';
import { readManifest } from '../../oci/manifest.ts';
import { mediaTypes } from '../../oci/media-type.ts';
import { digestKey, repositoryKey, type Repository } from '../../oci/reference.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { Arrival } from '../arrival.ts';
import type { BlobService } from '../blob-service.ts';
import type { Claims } from '../entitlement.ts';
import type { ManifestAnswer } from '../mirror.ts';
import type { Routing } from '../routing.ts';
import { Turns } from '../turns.ts';
import type { Upstream } from '../upstream.ts';
import { Course } from './course.ts';
import { imageBlobs } from './image-blobs.ts';

/** Blobs at a time, of all images together: each that arrives has its buffers. */
const atATime = 16;
/** Images under way; there are more only where many clients begin at once, and those fetch for themselves. */
const maxImages = 256;
/** How long an image that is held is not looked at again. An eviction ends that; what people do to the files does not. */
const completeMs = 10 * 60_000;
/** How long an image is left to its clients when it could not be fetched whole. */
const incompleteMs = 30_000;

export interface PullAheadOptions {
  readonly routing: Routing<Pick<Upstream, 'name' | 'breaker' | 'pullAhead'>>;
  readonly blobs: Pick<BlobService, 'fetchAhead'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** An image whose manifest a client has got, and with which rights. */
interface PulledImage {
  readonly repository: Repository;
  readonly digest: Digest;
  readonly claims: Claims;
}

/**
 * Fetches an image's blobs once a client has got its manifest, so that they are here or on their way when the client asks
 * for them. They come by the same fills as for the client itself: it is never worse off, and gets nothing that it could
 * not have asked for.
 */
export class PullAhead {
  readonly #options: PullAheadOptions;
  readonly #turns = new Turns(atATime);
  readonly #underWay = new Map<string, Promise<void>>();
  /** Until when nothing is to be done about a manifest, by the clock that nobody sets. */
  readonly #restUntil = lru<Digest, number>(10_000);
  #forgotten = 0;
  #closed = false;

  constructor(options: PullAheadOptions) {
    this.#options = options;
  }

  /** Told of each manifest that answers a client's GET. Returns at once, and costs next to nothing for an image that is held. */
  pulled(repository: Repository, { descriptor, bytes }: ManifestAnswer, claims: Claims): void {
    const { routing, clock, logger } = this.#options;
    const { digest, mediaType } = descriptor;
    const isImage = mediaType === mediaTypes.ociManifest || mediaType === mediaTypes.dockerManifest;
    if (bytes === undefined || !isImage || this.#closed) return;
    if ((this.#restUntil.get(digest) ?? -Infinity) > clock.monotonic()) return;
    const { pullAhead, breaker } = routing.upstream(repository.upstream);
    const key = digestKey(repository, digest);
    const isBusy = this.#underWay.has(key) || this.#underWay.size >= maxImages;
    if (!pullAhead.enabled || !breaker.admits || isBusy) return;
    const fetching = this.#image({ repository, digest, claims }, bytes, pullAhead.parallel)
      .catch((error: unknown) => {
        logger.error({ err: error, digest }, 'an image could not be fetched ahead of its client');
      })
      .finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, fetching);
  }

  /** Forgets what is known of a manifest that has been evicted: its blobs may go, too. */
  forget(digest: Digest): void {
    this.#forgotten += 1;
    this.#restUntil.delete(digest);
  }

  /** Begins nothing more. Resolves when what was begun has ended: with its fills, which others end. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#underWay.values());
  }

  async #image(image: PulledImage, manifest: Buffer, parallel: number): Promise<void> {
    const { clock, logger } = this.#options;
    const forgotten = this.#forgotten;
    const blobs = imageBlobs(readManifest(manifest));
    const startedAt = clock.monotonic();
    const isComplete = await this.#fetch(image, blobs, parallel);
    // Unless it was evicted meanwhile.
    if (forgotten !== this.#forgotten) return;
    const endedAt = clock.monotonic();
    this.#restUntil.set(image.digest, endedAt + (isComplete ? completeMs : incompleteMs));
    if (blobs.length === 0) return;
    const { repository, digest } = image;
    logger.debug(
      { repository: repositoryKey(repository), digest, isComplete, ms: Math.round(endedAt - startedAt) },
      'fetched an image ahead of its client',
    );
  }

  /** Resolves to whether all blobs are held now. */
  async #fetch(image: PulledImage, blobs: readonly Digest[], parallel: number): Promise<boolean> {
    const course = new Course(parallel);
    const fetching: Promise<boolean>[] = [];
    for (const blob of blobs) {
      await course.room();
      const isHeld = course.run((begun) => this.#blob(image, blob, begun));
      // It is awaited below; until then it must not count as unhandled.
      isHeld.catch(() => undefined);
      fetching.push(isHeld);
    }
    return (await Promise.all(fetching)).every(Boolean);
  }

  /** Resolves to whether the blob is held, without a look where upstream is better left alone. */
  async #blob(
    { repository, claims }: PulledImage,
    blob: Digest,
    begun: (arrival: Arrival) => void,
  ): Promise<boolean> {
    const { routing, blobs } = this.#options;
    const { held } = await this.#turns.run(async (): Promise<{ held: boolean | Promise<boolean> }> => {
      if (this.#closed || !routing.upstream(repository.upstream).breaker.admits) return { held: false };
      const arrival = await blobs.fetchAhead(repository, blob, claims);
      if (arrival === undefined) return { held: true };
      begun(arrival);
      // What comes for a client anyway keeps no turn from what nobody has asked for yet.
      if (!arrival.joined) await arrival.held;
      return arrival;
    });
    return held;
  }
}
