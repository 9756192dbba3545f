import type { Clock } from '../../base/clock.ts';
import type { ManifestReference, Repository } from '../../oci/reference.ts';
import type { EvictedBlob, EvictedImage } from '../../store/evictions.ts';
import type { ImageKey, RepositoryUsage, StoredImage } from '../../store/inventory.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import { StoreError } from '../../store/store-error.ts';
import type { Evictor } from '../space/evictor.ts';
import type { PinnedImages } from '../space/pinned-images.ts';
import type { Pins } from '../space/pins.ts';
import { CareError } from './care-error.ts';
import type { Caretaker } from './caretaker.ts';
import type { ImageNames } from './image-names.ts';
import type { ImportEvent, ImportOptions } from './import-events.ts';
import type {
  ImageListing,
  ImagesOptions,
  PinListing,
  PrunedImage,
  PruneOptions,
  RemovalReport,
  UsageListing,
} from './listings.ts';
import { pagesOf } from './pages.ts';
import type { StatsReport } from './stats-report.ts';
import type { Stats } from './stats.ts';
import { verification } from './verification.ts';
import type { VerificationParts } from './verification-parts.ts';
import type { VerifyEvent, VerifyOptions } from './verify-events.ts';

export interface LocalCaretakerParts {
  readonly metadata: Pick<MetadataStore, 'inventory' | 'evictions' | 'tag'>;
  readonly names: ImageNames;
  readonly evictor: Pick<Evictor, 'remove' | 'prune'>;
  readonly pins: Pins;
  readonly pinned: PinnedImages;
  readonly statistics: StatsReport;
  readonly verification: VerificationParts;
  readonly importRegistry: Caretaker['importRegistry'];
  readonly clock: Clock;
}

/** Looks after the cache in the process that owns its data folder. */
export class LocalCaretaker implements Caretaker {
  readonly #parts: LocalCaretakerParts;

  constructor(parts: LocalCaretakerParts) {
    this.#parts = parts;
  }

  images(options: ImagesOptions = {}): AsyncIterable<ImageListing> {
    return told(this.#images(options));
  }

  usage(): AsyncIterable<UsageListing> {
    return told(this.#usage());
  }

  remove(image: string): Promise<RemovalReport> {
    return answered(() => this.#remove(image));
  }

  prune(options: PruneOptions): AsyncIterable<PrunedImage> {
    return told(this.#prune(options));
  }

  pin(pattern: string): Promise<void> {
    return answered(async () => {
      this.#parts.names.checkPattern(pattern);
      await this.#parts.pins.add(pattern);
    });
  }

  unpin(pattern: string): Promise<boolean> {
    return answered(async () => {
      const { pins } = this.#parts;
      const removed = await pins.remove(pattern);
      if (!removed && pins.configured.includes(pattern)) {
        throw new CareError(
          'invalid',
          `${pattern} is pinned by the configuration: remove it there, under pin`,
        );
      }
      return removed;
    });
  }

  pins(): Promise<readonly PinListing[]> {
    return answered(async () => {
      const added = await this.#parts.metadata.inventory.pins();
      return [
        ...this.#parts.pins.configured.map(
          (pattern) => ({ pattern, source: 'configuration', createdAt: null }) as const,
        ),
        ...added.map(({ pattern, createdAt }) => ({ pattern, source: 'command', createdAt }) as const),
      ];
    });
  }

  stats(): Promise<Stats> {
    return answered(() => this.#parts.statistics.now());
  }

  verify(options: VerifyOptions): AsyncIterable<VerifyEvent> {
    return told(verification(this.#parts.verification, options));
  }

  importRegistry(options: ImportOptions): AsyncIterable<ImportEvent> {
    return told(this.#parts.importRegistry(options));
  }

  async *#images({ matching }: ImagesOptions): AsyncGenerator<ImageListing> {
    const { names, metadata, pins } = this.#parts;
    const isMeant = typeof matching === 'string' ? names.filter(matching) : () => true;
    await pins.load();
    const pages = pagesOf<StoredImage, ImageKey>(
      (after, limit) => metadata.inventory.images(after, limit),
      (image) => image,
    );
    for await (const images of pages) {
      for (const image of images) if (isMeant(image)) yield this.#listing(image);
    }
  }

  #listing(image: StoredImage): ImageListing {
    const { names, pins } = this.#parts;
    const { repository, tag, digest, mediaType, bytes, manifests, lastUsedAt, createdAt, complete } = image;
    return {
      image: names.show(repository, image),
      repository: names.show(repository),
      upstream: repository.upstream,
      tag: tag ?? null,
      digest,
      mediaType,
      bytes,
      manifests,
      lastUsedAt,
      createdAt,
      complete,
      pinnedBy: pins.patternOf(repository, tag === undefined ? [] : [tag], digest) ?? null,
    };
  }

  async *#usage(): AsyncGenerator<UsageListing> {
    const { names, metadata } = this.#parts;
    const total = { tags: 0, manifests: 0, uniqueBytes: 0 };
    const pages = pagesOf<RepositoryUsage, Repository>(
      (after, limit) => metadata.inventory.repositoryUsage(after, limit),
      ({ repository }) => repository,
    );
    for await (const usages of pages) {
      for (const { repository, ...numbers } of usages) {
        total.tags += numbers.tags;
        total.manifests += numbers.manifests;
        total.uniqueBytes += numbers.uniqueBytes;
        yield { repository: names.show(repository), upstream: repository.upstream, ...numbers };
      }
    }
    const { bytes } = await metadata.evictions.usage();
    // Others pull while this adds up.
    const sharedBytes = Math.max(0, bytes - total.uniqueBytes);
    yield { repository: null, upstream: null, ...total, bytes, sharedBytes };
  }

  async #remove(image: string): Promise<RemovalReport> {
    const { names, pins } = this.#parts;
    const { repositories, reference } = names.read(image);
    await pins.load();
    for (const repository of repositories) {
      const removed = await this.#removeFrom(repository, reference);
      if (removed !== undefined) return removed;
    }
    throw new CareError('not-found', `${image} is not cached`);
  }

  async #removeFrom(
    repository: Repository,
    reference: ManifestReference,
  ): Promise<RemovalReport | undefined> {
    const { names, evictor, pinned, metadata } = this.#parts;
    const digest =
      'digest' in reference ? reference.digest : (await metadata.tag(repository, reference.tag))?.digest;
    if (digest === undefined) return undefined;
    const tag = 'tag' in reference ? reference.tag : undefined;
    const image = names.show(repository, { tag, digest });
    const pattern = await pinned.patternOf(repository, reference);
    if (pattern !== undefined) {
      throw new CareError('pinned', `${image} is pinned by ${pattern}: unpin it before`);
    }
    const eviction = await evictor.remove(repository, reference);
    if (eviction === undefined) return undefined;
    const { tags, manifests, blobs, bytes } = eviction;
    return {
      image,
      digest,
      tags: tags.map((gone) => gone.tag),
      manifests: manifests.length,
      blobs: blobs.length,
      bytes,
    };
  }

  async *#prune({ toBytes, unusedMs, dryRun }: PruneOptions): AsyncGenerator<PrunedImage> {
    const { evictor, clock } = this.#parts;
    if (toBytes === null && unusedMs === null) {
      throw new CareError('invalid', 'say what is to go: what was not used for a time, or all beyond a size');
    }
    for (const number of [toBytes, unusedMs]) {
      if (number !== null && !(number >= 0)) throw new CareError('invalid', `${number} is less than nothing`);
    }
    const request = {
      dryRun,
      toBytes: toBytes ?? undefined,
      unusedBefore: unusedMs === null ? undefined : clock.now() - unusedMs,
    };
    for await (const gone of evictor.prune(request)) yield this.#pruned(gone);
  }

  #pruned(gone: EvictedImage | EvictedBlob): PrunedImage {
    const { digest, bytes, lastUsedAt } = gone;
    if (gone.repository === undefined) return { image: null, digest, tags: [], bytes, lastUsedAt };
    const [tag] = gone.tags;
    const image = this.#parts.names.show(gone.repository, { tag, digest });
    return { image, digest, tags: gone.tags, bytes, lastUsedAt };
  }
}

/** As people hear of trouble with the stores. */
function careError(error: unknown): unknown {
  if (!(error instanceof StoreError)) return error;
  const passes: ReadonlySet<string> = new Set(['NO_SPACE', 'NOT_WRITABLE', 'LOCKED', 'IN_USE']);
  return new CareError(passes.has(error.code) ? 'unavailable' : 'failed', error.message, { cause: error });
}

async function answered<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw careError(error);
  }
}

async function* told<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* items;
  } catch (error) {
    throw careError(error);
  }
}
