import { pause } from '../../base/clock.ts';
import type { Admission } from '../../cache/space/admission.ts';
import type { Pins } from '../../cache/space/pins.ts';
import type { Digest } from '../../oci/digest.ts';
import { imageReferenceText } from '../../oci/image-reference.ts';
import { platformText, suitability, type Platforms } from '../../oci/platform.ts';
import { repositoryKey, type Repository } from '../../oci/reference.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { Gate } from '../access/gate.ts';
import { NotStored } from '../fill/fill-failure.ts';
import { Wakeup } from '../fill/wakeup.ts';
import { BlobFetches, type BlobFetchesDeps, type BlobOutcome } from './blob-fetches.ts';
import { failureReason, mayBeAbsent } from './failure-reason.ts';
import type { ImageContents } from './image-contents.ts';
import { addReferrers, type ImageReferrersDeps } from './image-referrers.ts';
import { fail, ImageWalk, type ImageWalkDeps, type Wanted } from './image-walk.ts';
import { ManifestSource, type ManifestSourceDeps } from './manifest-source.ts';
import { platformOf } from './platform-of.ts';
import { Room } from './room.ts';
import type { WarmedImage, WarmEvent, WarmOptions, WarmProgress } from './schemas.ts';

/** Images at a time. */
const atATime = 4;
/** Milliseconds between two reports of progress. */
const progressMs = 250;

export interface WarmRunDeps
  extends
    BlobFetchesDeps,
    Omit<ManifestSourceDeps, 'signal'>,
    Omit<ImageWalkDeps, 'source'>,
    Pick<ImageReferrersDeps, 'referrers'> {
  readonly blobs: BlobFetchesDeps['blobs'] & Parameters<typeof platformOf>[0];
  readonly admission: Pick<Admission, 'refusalTogether'>;
  readonly pins: Pick<Pins, 'add'>;
  readonly gate: Pick<Gate, 'learnVisibility'>;
  readonly logger: Logger;
}

/** An image with what is not a failure of it. */
export interface WantedImage extends Wanted {
  /** As in {@link WarmOptions}. */
  readonly optional: string | null;
}

/** An image on its way: its blobs, and which of them are here. */
interface UnderWay {
  readonly contents: ImageContents;
  readonly cached: Set<Digest>;
}

/** One command's warming of images. */
export class WarmRun {
  readonly #deps: WarmRunDeps;
  readonly #options: Pick<WarmOptions, 'referrers' | 'pin'>;
  readonly #images: readonly WantedImage[];
  readonly #source: ManifestSource;
  readonly #fetches: BlobFetches;
  readonly #room: Room;
  readonly #underWay = new Map<string, UnderWay>();
  readonly #results: WarmedImage[] = [];
  readonly #totals = { bytes: 0, totalBytes: 0 };
  readonly #queue: WarmEvent[] = [];
  readonly #news = new Wakeup();
  readonly #cancelling = new AbortController();
  #isOver = false;

  constructor(
    deps: WarmRunDeps,
    images: readonly WantedImage[],
    options: Pick<WarmOptions, 'referrers' | 'pin'>,
  ) {
    this.#deps = deps;
    this.#images = images;
    this.#options = options;
    this.#source = new ManifestSource({ ...deps, signal: this.#cancelling.signal });
    this.#fetches = new BlobFetches(deps);
    this.#room = new Room(deps.admission);
  }

  /** Performs it; leaving the iteration ends it. */
  async *events(): AsyncGenerator<WarmEvent> {
    const { clock } = this.#deps;
    const { signal } = this.#cancelling;
    const working = this.#work();
    try {
      for (;;) {
        yield* this.#queue.splice(0);
        if (this.#isOver) break;
        const waiting = new AbortController();
        const tick = pause(clock, progressMs, AbortSignal.any([signal, waiting.signal]));
        await Promise.race([this.#queue.length > 0 ? undefined : this.#news.next(), tick]);
        waiting.abort();
        if (this.#queue.length === 0) yield { type: 'progress', progress: this.#progress() };
      }
      yield* this.#queue.splice(0);
      await working;
      yield { type: 'report', report: this.#report() };
    } finally {
      this.#cancelling.abort();
      this.#fetches[Symbol.dispose]();
    }
  }

  #tell(event: WarmEvent): void {
    this.#queue.push(event);
    this.#news.wake();
  }

  async #work(): Promise<void> {
    const left = [...this.#images];
    const next = async (): Promise<void> => {
      for (let image = left.shift(); image !== undefined; image = left.shift()) {
        if (this.#cancelling.signal.aborted) return;
        await this.#image(image);
      }
    };
    await Promise.all(Array.from({ length: atATime }, next));
    this.#isOver = true;
    this.#news.wake();
  }

  /** Never rejects. */
  async #image(wanted: WantedImage): Promise<void> {
    const image = imageReferenceText(wanted.reference);
    this.#tell({ type: 'started', image });
    let result: WarmedImage;
    try {
      result = await this.#warm(image, wanted);
    } catch (error) {
      const absent = wanted.optional !== null && mayBeAbsent(error);
      result = {
        ...nothing(image),
        state: absent ? 'absent' : 'failed',
        failures: absent ? [] : [{ what: 'the image', reason: this.#reason(error, image) }],
        notes: absent ? [`upstream does not have it, or not for this mirror: ${wanted.optional ?? ''}`] : [],
      };
    }
    this.#underWay.delete(image);
    this.#results.push(result);
    this.#tell({ type: 'image', image: result });
  }

  async #warm(image: string, wanted: WantedImage): Promise<WarmedImage> {
    const { pins, gate } = this.#deps;
    const deps = { ...this.#deps, source: this.#source };
    const contents = await new ImageWalk(deps, wanted.platforms).from(wanted.reference);
    if (this.#options.referrers) await addReferrers(deps, contents);
    const { repository, blobs, platforms } = contents;
    const refusal = this.#room.take(repository, blobs);
    if (refusal !== undefined) {
      contents.failures.push({ what: 'the image', reason: refusal });
      return { ...nothing(image), digest: contents.root, failures: contents.failures, notes: contents.notes };
    }
    if (this.#options.pin) await pins.add(pinFor(wanted.reference, repository));
    await gate.learnVisibility(repository, { noun: 'manifest', reference: { digest: contents.root } });
    const outcome = await this.#blobs(image, contents);
    await this.#notePlatform(contents, wanted.platforms);
    return {
      image,
      state: contents.failures.length === 0 ? 'complete' : 'failed',
      digest: contents.root,
      platforms: [...platforms],
      ...outcome,
      failures: contents.failures,
      notes: contents.notes,
    };
  }

  async #blobs(
    image: string,
    contents: ImageContents,
  ): Promise<Pick<WarmedImage, 'fetchedBytes' | 'heldBytes'>> {
    const { repository, blobs } = contents;
    const cached = new Set<Digest>();
    const held = await Promise.all(
      blobs.keys().map(async (digest) => ({ digest, size: await this.#fetches.held(repository, digest) })),
    );
    for (const { digest, size } of held) if (size !== undefined) cached.add(digest);
    this.#totals.totalBytes += contents.bytes;
    this.#totals.bytes += bytesOf(contents, cached);
    this.#underWay.set(image, { contents, cached });
    this.#tell({
      type: 'resolved',
      image,
      digest: contents.root,
      platforms: [...contents.platforms],
      blobs: blobs.size,
      totalBytes: contents.bytes,
      heldBytes: bytesOf(contents, cached),
    });
    let [fetchedBytes, heldBytes] = [0, 0];
    const fetch = async ([digest, size]: [Digest, number]): Promise<void> => {
      const wasHeld = cached.has(digest);
      const outcome = await this.#fetches.fetch(repository, digest, size);
      fetchedBytes += outcome.fetched;
      if (!outcome.isCached) {
        this.#blobFailed(contents, digest, outcome);
        return;
      }
      cached.add(digest);
      // Of a blob that came in part before, the rest.
      heldBytes += Math.max(0, size - outcome.fetched);
      if (!wasHeld) this.#totals.bytes += size;
    };
    await Promise.all([...blobs].map(fetch));
    return { fetchedBytes, heldBytes };
  }

  #blobFailed(contents: ImageContents, digest: Digest, outcome: BlobOutcome): void {
    if (outcome.isCached) return;
    const { health } = this.#deps;
    const { failure = new NotStored('it was removed again at once') } = outcome;
    const isOfStore = failure instanceof NotStored && !health.healthy;
    const reason = isOfStore ? new NotStored(health.problems.join('; ')) : failure;
    fail(contents, `blob ${digest}`, reason);
  }

  /** The platform of an image without an index: it is pulled for whatever platform is asked for. */
  async #notePlatform(contents: ImageContents, wanted: Platforms): Promise<void> {
    const platform = await platformOf(this.#deps.blobs, contents);
    if (platform === undefined) return;
    const text = platformText(platform);
    contents.platforms.add(text);
    if (wanted !== 'all' && !wanted.some((one) => suitability(one, platform) !== undefined))
      contents.notes.push(`it is for ${text} only, whatever platform is asked for`);
  }

  #reason(error: unknown, image: string): string {
    const reason = failureReason(error);
    if (reason !== undefined) return reason;
    if (!this.#cancelling.signal.aborted)
      this.#deps.logger.error({ err: error, image }, 'an image could not be warmed');
    return 'an unexpected error, which the log has';
  }

  #progress(): WarmProgress {
    const underWay = [...this.#underWay].map(([image, { contents, cached }]) => {
      const blobs = [...contents.blobs].flatMap(([digest, totalBytes]) => {
        const bytes = cached.has(digest) ? undefined : this.#fetches.arrived(digest);
        return bytes === undefined ? [] : [{ digest, bytes, totalBytes }];
      });
      const coming = blobs.reduce((sum, { bytes }) => sum + bytes, 0);
      return { image, bytes: bytesOf(contents, cached) + coming, totalBytes: contents.bytes, blobs };
    });
    const coming = new Map(
      underWay.flatMap(({ blobs }) => blobs.map(({ digest, bytes }) => [digest, bytes])),
    );
    const { bytes, totalBytes } = this.#totals;
    return {
      images: this.#results.length,
      totalImages: this.#images.length,
      bytes: bytes + coming.values().reduce((sum, one) => sum + one, 0),
      totalBytes,
      underWay,
    };
  }

  #report() {
    const sum = (of: (image: WarmedImage) => number): number =>
      this.#results.reduce((total, image) => total + of(image), 0);
    return {
      images: this.#results.length,
      failed: sum(({ state }) => Number(state === 'failed')),
      absent: sum(({ state }) => Number(state === 'absent')),
      fetchedBytes: sum(({ fetchedBytes }) => fetchedBytes),
      heldBytes: sum(({ heldBytes }) => heldBytes),
    };
  }
}

/** The pattern that pins an image and no other: by its digest, where it was given. */
function pinFor({ tag, digest }: Wanted['reference'], repository: Repository): string {
  const name = repositoryKey(repository);
  return digest === undefined ? `${name}:${tag ?? ''}` : `${name}@${digest}`;
}

function bytesOf({ blobs }: ImageContents, some: ReadonlySet<Digest>): number {
  return some.values().reduce((sum, digest) => sum + (blobs.get(digest) ?? 0), 0);
}

function nothing(image: string): WarmedImage {
  return {
    image,
    state: 'failed',
    digest: null,
    platforms: [],
    fetchedBytes: 0,
    heldBytes: 0,
    failures: [],
    notes: [],
  };
}
