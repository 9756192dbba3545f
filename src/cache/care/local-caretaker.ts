import type { Clock } from '../../base/clock.ts';
import type { ManifestReference, Repository } from '../../oci/reference.ts';
import type { EvictedBlob, EvictedImage } from '../../store/evictions.ts';
import type { ImageKey, RepositoryUsage, StoredImage } from '../../store/inventory.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import type { Evictor } from '../space/evictor.ts';
import type { Pins } from '../space/pins.ts';
import { CareError } from './care-error.ts';
import type { Caretaker } from './caretaker.ts';
import type { ImageNames } from './image-names.ts';
import { pagesOf } from './pages.ts';
import type * as schemas from './schemas.ts';

export interface LocalCaretakerDeps extends Pick<Caretaker, 'stats' | 'verify' | 'importRegistry'> {
  readonly metadata: Pick<MetadataStore, 'inventory' | 'evictions' | 'tag'>;
  readonly names: ImageNames;
  readonly evictor: Pick<Evictor, 'pinnedBy' | 'prune' | 'remove'>;
  readonly pins: Pins;
  readonly clock: Clock;
}

/** The caretaker in the process that has the data folder. */
export class LocalCaretaker implements Caretaker {
  readonly stats: Caretaker['stats'];
  readonly verify: Caretaker['verify'];
  readonly importRegistry: Caretaker['importRegistry'];
  readonly #deps: LocalCaretakerDeps;

  constructor(deps: LocalCaretakerDeps) {
    this.#deps = deps;
    this.stats = deps.stats;
    this.verify = deps.verify;
    this.importRegistry = deps.importRegistry;
  }

  async *images(
    { matching }: schemas.ImagesOptions = { matching: null },
  ): AsyncGenerator<schemas.ImageListing> {
    const { names, metadata, pins } = this.#deps;
    const isMatch = matching === null ? () => true : names.filter(matching);
    await pins.load();
    const pages = pagesOf<StoredImage, ImageKey>(
      (after, limit) => metadata.inventory.images(after, limit),
      (image) => image,
    );
    for await (const images of pages)
      yield* images
        .values()
        .filter(isMatch)
        .map((image) => this.#listing(image));
  }

  async *usage(): AsyncGenerator<schemas.UsageListing> {
    const { names, metadata } = this.#deps;
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
    // Pulls go on while this adds up.
    const sharedBytes = Math.max(0, bytes - total.uniqueBytes);
    yield { repository: null, upstream: null, ...total, bytes, sharedBytes };
  }

  async remove(image: string): Promise<schemas.RemovalReport> {
    const { names, pins } = this.#deps;
    const { repositories, reference } = names.read(image);
    await pins.load();
    for (const repository of repositories) {
      const removed = await this.#removeFrom(repository, reference);
      if (removed !== undefined) return removed;
    }
    throw new CareError('not-found', `${image} is not cached`);
  }

  async *prune({ toBytes, unusedMs, dryRun }: schemas.PruneOptions): AsyncGenerator<schemas.PrunedImage> {
    const { evictor, clock } = this.#deps;
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
    for await (const removed of evictor.prune(request)) yield this.#pruned(removed);
  }

  async pin(pattern: string): Promise<void> {
    this.#deps.names.checkPattern(pattern);
    await this.#deps.pins.add(pattern);
  }

  async unpin(pattern: string): Promise<boolean> {
    const { pins } = this.#deps;
    const removed = await pins.remove(pattern);
    if (!removed && pins.configured.includes(pattern)) {
      throw new CareError('invalid', `${pattern} is pinned by the configuration: remove it there, under pin`);
    }
    return removed;
  }

  async pins(): Promise<readonly schemas.PinListing[]> {
    const { metadata, pins } = this.#deps;
    const added = await metadata.inventory.pins();
    return [
      ...pins.configured.map((pattern) => ({ pattern, source: 'configuration' as const, createdAt: null })),
      ...added.map(({ pattern, createdAt }) => ({ pattern, source: 'command' as const, createdAt })),
    ];
  }

  #listing({ repository, tag, ...image }: StoredImage): schemas.ImageListing {
    const { names, pins } = this.#deps;
    return {
      image: names.show(repository, { tag, digest: image.digest }),
      repository: names.show(repository),
      upstream: repository.upstream,
      tag: tag ?? null,
      ...image,
      pinnedBy: pins.patternOf(repository, tag === undefined ? [] : [tag], image.digest) ?? null,
    };
  }

  async #removeFrom(
    repository: Repository,
    reference: ManifestReference,
  ): Promise<schemas.RemovalReport | undefined> {
    const { names, evictor, metadata } = this.#deps;
    const tag = 'tag' in reference ? reference.tag : undefined;
    const digest =
      'tag' in reference ? (await metadata.tag(repository, reference.tag))?.digest : reference.digest;
    if (digest === undefined) return undefined;
    const image = names.show(repository, { tag, digest });
    const pattern = await evictor.pinnedBy(repository, reference);
    if (pattern !== undefined) {
      throw new CareError('pinned', `${image} is pinned by ${pattern}: unpin it before`);
    }
    const eviction = await evictor.remove(repository, reference);
    if (eviction === undefined) return undefined;
    const { tags, manifests, blobs, bytes } = eviction;
    return {
      image,
      digest,
      tags: tags.map((removed) => removed.tag),
      manifests: manifests.length,
      blobs: blobs.length,
      bytes,
    };
  }

  #pruned(removed: EvictedImage | EvictedBlob): schemas.PrunedImage {
    const { digest, bytes, lastUsedAt } = removed;
    if (removed.repository === undefined) return { image: null, digest, tags: [], bytes, lastUsedAt };
    const [tag] = removed.tags;
    const image = this.#deps.names.show(removed.repository, { tag, digest });
    return { image, digest, tags: removed.tags, bytes, lastUsedAt };
  }
}
