import type { Clock } from '../../base/clock.ts';
import type { Digest } from '../../oci/digest.ts';
import type { LackingBlob } from '../../cache/transfer/content-sink.ts';
import type { WarmedImage, WarmEvent, WarmProgress } from '../warm/schemas.ts';
import type { ImageParts } from './image-parts.ts';

interface ImageCounts {
  /** Bytes that came. */
  fetched: number;
  /** Bytes that were here before. */
  held: number;
  total: number;
}

interface ComingBlob {
  readonly image: string;
  readonly size: number;
  bytes: number;
}

/** Adds up how far a synchronisation is, and keeps what is to be told of it. */
export class SyncTally {
  readonly #images = new Map<string, ImageCounts>();
  readonly #coming = new Map<Digest, ComingBlob>();
  readonly #report = { images: 0, failed: 0, absent: 0, fetchedBytes: 0, heldBytes: 0 };
  #events: WarmEvent[] = [];
  #expected = 0;
  #bytes = 0;
  #totalBytes = 0;
  #isOver = false;
  #news = Promise.withResolvers<void>();

  /** One more image is to come. */
  expected(): void {
    this.#expected += 1;
  }

  started(image: string): void {
    this.#images.set(image, { fetched: 0, held: 0, total: 0 });
    this.#tell({ type: 'started', image });
  }

  image(image: string): Readonly<ImageCounts> {
    return this.#counts(image);
  }

  /** Of a manifest with all that belongs to it, these blobs are to come. */
  planned(image: string, parts: ImageParts, lacking: readonly LackingBlob[]): void {
    const counts = this.#counts(image);
    const totalBytes = parts.blobs.reduce((sum, { size }) => sum + size, 0);
    const missing = lacking.filter(({ held }) => !held);
    const toCome = missing.reduce((sum, { size, offset }) => sum + size - offset, 0);
    counts.held += totalBytes - toCome;
    counts.total += totalBytes;
    this.#totalBytes += totalBytes;
    this.#bytes += totalBytes - toCome;
    for (const { digest, size, offset } of missing) {
      if (!this.#coming.has(digest)) this.#coming.set(digest, { image, size, bytes: offset });
    }
    // Not for what refers to it.
    if (counts.total > totalBytes) return;
    this.#tell({
      type: 'resolved',
      image,
      digest: parts.root,
      platforms: [...parts.platforms],
      blobs: parts.blobs.length,
      totalBytes,
      heldBytes: totalBytes - toCome,
    });
  }

  received(digest: Digest, bytes: number): void {
    this.#bytes += bytes;
    const blob = this.#coming.get(digest);
    if (blob === undefined) return;
    blob.bytes += bytes;
    this.#counts(blob.image).fetched += bytes;
  }

  blobDone(digest: Digest): void {
    this.#coming.delete(digest);
  }

  done(image: WarmedImage): void {
    this.#images.delete(image.image);
    const report = this.#report;
    report.images += 1;
    if (image.state === 'failed') report.failed += 1;
    if (image.state === 'absent') report.absent += 1;
    report.fetchedBytes += image.fetchedBytes;
    report.heldBytes += image.heldBytes;
    this.#tell({ type: 'image', image });
  }

  /** Nothing more is to come. */
  close(): void {
    this.#isOver = true;
    this.#news.resolve();
  }

  /** Waits for something to tell, at most `ms`. False when all is over. */
  async wait(clock: Clock, ms: number): Promise<boolean> {
    const waiting = new AbortController();
    await Promise.race([this.#news.promise, clock.sleep(ms, waiting.signal).catch(() => undefined)]);
    waiting.abort();
    if (!this.#isOver) this.#news = Promise.withResolvers();
    return !this.#isOver;
  }

  /** What has happened since the last time. */
  take(): readonly WarmEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  progress(): WarmProgress {
    const blobs = [...this.#coming].map(([digest, { image, size, bytes }]) => ({
      image,
      blob: { digest, bytes: Math.min(bytes, size), totalBytes: size },
    }));
    const underWay = [...this.#images].map(([image, { fetched, held, total }]) => ({
      image,
      bytes: Math.min(fetched + held, total),
      totalBytes: total,
      blobs: blobs.filter((one) => one.image === image).map(({ blob }) => blob),
    }));
    return {
      images: this.#report.images,
      totalImages: this.#expected,
      bytes: Math.min(this.#bytes, this.#totalBytes),
      totalBytes: this.#totalBytes,
      underWay,
    };
  }

  report(): Extract<WarmEvent, { type: 'report' }>['report'] {
    return { ...this.#report };
  }

  #counts(image: string): ImageCounts {
    const known = this.#images.get(image);
    if (known !== undefined) return known;
    const counts = { fetched: 0, held: 0, total: 0 };
    this.#images.set(image, counts);
    return counts;
  }

  #tell(event: WarmEvent): void {
    this.#events.push(event);
    this.#news.resolve();
  }
}
