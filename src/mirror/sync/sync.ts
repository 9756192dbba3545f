import type { Clock } from '../../base/clock.ts';
import { Limiter } from '../../base/limiter.ts';
import type { ContentSink, LackingBlob } from '../../cache/transfer/content-sink.ts';
import type { Digest } from '../../oci/digest.ts';
import { imageReferenceText } from '../../oci/image-reference.ts';
import type { UpstreamName } from '../../oci/reference.ts';
import type { WarmEvent, WarmedImage } from '../warm/schemas.ts';
import { BlobTransfers } from './blob-transfers.ts';
import { failureReason, isFull, isGone } from './failure-reason.ts';
import type { ImageParts } from './image-parts.ts';
import { fail, PartsReader, type Wanted } from './parts-reader.ts';
import { SyncTally } from './sync-tally.ts';
import type { SyncSource } from './sync-source.ts';

/** Images at a time: while one waits for its manifests, others' blobs come. */
const atATime = 4;

/** Milliseconds between two reports of progress. */
const progressMs = 250;

/** An image that is to come. */
export interface SyncedImage extends Wanted {
  /** Whether the source itself has only some of its blobs: platforms that it has not whole are left out. */
  readonly isPartial: boolean;
  readonly pin: boolean;
  /** When its registry confirmed the tag, in ms since the epoch; 0: not known; undefined: the source does. */
  readonly checkedAt: number | undefined;
}

export interface SyncDeps {
  readonly source: SyncSource;
  readonly sink: ContentSink;
  /** The registries whose images the cache may have. */
  readonly mirrored: ReadonlySet<UpstreamName>;
  readonly clock: Clock;
  /** In [0, 1), for jitter. */
  readonly random: () => number;
  /** Ends it; what has come stays. */
  readonly signal: AbortSignal;
}

/**
 * Brings images from another registry, as far as they are not here yet, with what refers to them. What cannot
 * be had is told in events; rejects for unexpected errors only.
 */
export async function* syncImages(
  images: Iterable<SyncedImage> | AsyncIterable<SyncedImage>,
  deps: SyncDeps,
): AsyncGenerator<WarmEvent> {
  const tally = new SyncTally();
  const ended = new AbortController();
  const signal = AbortSignal.any([deps.signal, ended.signal]);
  const run = new SyncRun({ ...deps, signal, tally });
  const work = run.all(images).finally(() => tally.close());
  // Told below; a rejection must not be unhandled until then.
  work.catch(() => undefined);
  try {
    while (await tally.wait(deps.clock, progressMs)) {
      yield* tally.take();
      yield { type: 'progress', progress: tally.progress() };
    }
    await work;
    deps.signal.throwIfAborted();
    yield* tally.take();
    yield { type: 'report', report: tally.report() };
  } finally {
    ended.abort(new Error('the synchronisation was left'));
    await work.catch(() => undefined);
  }
}

class SyncRun {
  readonly #deps: SyncDeps & { readonly tally: SyncTally };
  readonly #reader: PartsReader;
  readonly #blobs: BlobTransfers;
  readonly #limiter = new Limiter(atATime);
  /** Why no further image is begun. */
  #hopeless: string | undefined;

  constructor(deps: SyncDeps & { readonly tally: SyncTally }) {
    this.#deps = deps;
    this.#reader = new PartsReader(deps.source, deps.signal);
    this.#blobs = new BlobTransfers({
      ...deps,
      onBytes: ({ digest }, received) => deps.tally.received(digest, received),
    });
  }

  async all(images: Iterable<SyncedImage> | AsyncIterable<SyncedImage>): Promise<void> {
    const { signal, tally } = this.#deps;
    const running = new Set<Promise<void>>();
    const failures: unknown[] = [];
    for await (const image of images) {
      if (signal.aborted) break;
      tally.expected();
      const done = this.#limiter
        .run(() => (signal.aborted ? Promise.resolve() : this.#sync(image)))
        .catch((error: unknown) => void failures.push(error))
        .finally(() => running.delete(done));
      running.add(done);
    }
    await Promise.all(running);
    if (failures.length > 0 && !signal.aborted) throw failures[0];
  }

  async #sync(image: SyncedImage): Promise<void> {
    const { mirrored, tally } = this.#deps;
    const { reference } = image;
    const text = imageReferenceText(reference);
    tally.started(text);
    const refusal = mirrored.has(reference.registry)
      ? this.#hopeless
      : `${reference.registry} is not mirrored here: name it under upstreams`;
    if (refusal !== undefined) {
      tally.done(unavailable(text, refusal));
      return;
    }
    let parts: ImageParts;
    try {
      parts = await this.#reader.read(image);
      if (image.asFarAsThere && parts.isEmptyIndex) {
        parts.notes.push('no platform of it is wanted');
        parts.drop(parts.root);
      }
    } catch (error) {
      tally.done(unavailable(text, this.#reason(error)));
      return;
    }
    await this.#bring(text, image, parts);
  }

  async #bring(text: string, image: SyncedImage, parts: ImageParts): Promise<void> {
    const { tally } = this.#deps;
    const counts = tally.image(text);
    const isWhole = await this.#store(parts, image, text);
    // What refers to an image is of no use without it.
    if (isWhole) {
      for await (const referrer of this.#reader.referrers(parts)) {
        await this.#store(referrer, { ...image, isPartial: true, pin: false, checkedAt: 0 }, text);
        parts.failures.push(...referrer.failures);
      }
    }
    const isComplete = isWhole && parts.failures.length === 0;
    const isAbsent = image.asFarAsThere && !parts.manifests.has(parts.root);
    tally.done({
      image: text,
      state: isAbsent ? 'absent' : isComplete ? 'complete' : 'failed',
      digest: parts.root,
      platforms: [...parts.platforms],
      fetchedBytes: counts.fetched,
      heldBytes: counts.held,
      failures: isAbsent ? [] : parts.failures,
      notes: parts.notes,
    });
  }

  /** False when it is not here whole; then nothing of it is visible. */
  async #store(parts: ImageParts, image: SyncedImage, text: string): Promise<boolean> {
    const { sink, clock, tally } = this.#deps;
    const { repository, root, tag } = parts;
    try {
      const lacking = await sink.lacking(repository, parts.blobs);
      const wanted = image.isPartial ? await this.#narrow(parts, lacking) : lacking;
      if (!parts.manifests.has(root)) return false;
      tally.planned(text, parts, wanted);
      const outcomes = await Promise.all(wanted.map((blob) => this.#blob(parts, blob)));
      if (outcomes.includes(false)) return false;
      await sink.putImage({
        repository,
        root,
        manifests: [...parts.manifests.values()],
        // Tags are as the source has them.
        tag: tag && { name: tag, checkedAt: image.checkedAt ?? clock.now(), replaces: true },
        proven: parts.blobs.map(({ digest }) => digest),
        pin: image.pin,
      });
      return true;
    } catch (error) {
      this.#reason(error);
      fail(parts, 'the image', error);
      return false;
    }
  }

  async #blob({ repository, failures }: ImageParts, blob: LackingBlob): Promise<boolean> {
    try {
      if (blob.held) await this.#blobs.prove(repository, blob);
      else await this.#blobs.bring(repository, blob);
      return true;
    } catch (error) {
      failures.push({ what: `blob ${blob.digest}`, reason: this.#reason(error) });
      return false;
    } finally {
      this.#deps.tally.blobDone(blob.digest);
    }
  }

  /** Leaves out the manifests of which the source itself lacks blobs. Resolves to what is still to come. */
  async #narrow(parts: ImageParts, lacking: readonly LackingBlob[]): Promise<readonly LackingBlob[]> {
    const absent = new Set<Digest>();
    await Promise.all(
      lacking.map(async (blob) => {
        const isThere = await this.#blobs.prove(parts.repository, blob).then(
          () => true,
          (error: unknown) => this.#reason(error) === undefined,
        );
        if (!isThere) absent.add(blob.digest);
      }),
    );
    const partial = [...parts.blobsOf].filter(([, blobs]) => blobs.some(({ digest }) => absent.has(digest)));
    for (const [digest] of partial) parts.drop(digest);
    if (partial.length > 0) parts.notes.push(`${this.#deps.source.host} itself has only a part of it`);
    const kept = new Set(parts.blobs.map(({ digest }) => digest));
    return lacking.filter(({ digest }) => kept.has(digest));
  }

  /** @throws for an unexpected error, and when this is to end */
  #reason(error: unknown): string {
    this.#deps.signal.throwIfAborted();
    const reason = failureReason(error);
    if (reason === undefined) throw error;
    if (isGone(error) || isFull(error)) this.#hopeless ??= reason;
    return reason;
  }
}

function unavailable(image: string, reason: string): WarmedImage {
  return {
    image,
    state: 'failed',
    digest: null,
    platforms: [],
    fetchedBytes: 0,
    heldBytes: 0,
    failures: [{ what: 'the image', reason }],
    notes: [],
  };
}
