import type { Caretaker } from '../../src/cache/care/caretaker.ts';
import type { ImportEvent, ImportOptions } from '../../src/cache/care/schemas.ts';
import type {
  ImageListing,
  ImagesOptions,
  PinListing,
  PrunedImage,
  PruneOptions,
  RemovalReport,
  UsageListing,
} from '../../src/cache/care/schemas.ts';
import type { Stats } from '../../src/cache/care/schemas.ts';
import type { VerifyEvent, VerifyOptions } from '../../src/cache/care/schemas.ts';

const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;

export function imageListing(image: string, more: Partial<ImageListing> = {}): ImageListing {
  return {
    image,
    repository: image.split(/[:@]/)[0] ?? '',
    upstream: 'docker.io',
    tag: image.split(':')[1] ?? null,
    digest,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    bytes: 300 * 2 ** 20,
    manifests: 3,
    lastUsedAt: 1_700_000_000_000,
    createdAt: 1_600_000_000_000,
    complete: true,
    pinnedBy: null,
    ...more,
  };
}

/** A caretaker that says what a test wants it to, and remembers what it was told to do. */
export class FakeCaretaker implements Caretaker {
  /** Each call: the method's name and its argument. */
  readonly calls: (readonly [string, unknown])[] = [];

  listings: AsyncIterable<ImageListing> | readonly ImageListing[] = [
    imageListing('node:20'),
    imageListing('ghcr.io/acme/app:1', { complete: false, pinnedBy: 'ghcr.io/acme/*', bytes: 512 }),
  ];
  usages: readonly UsageListing[] = [
    {
      repository: 'node',
      upstream: 'docker.io',
      tags: 1,
      manifests: 3,
      bytes: 3 * 2 ** 30,
      uniqueBytes: 2 ** 30,
      sharedBytes: 2 ** 31,
    },
    {
      repository: null,
      upstream: null,
      tags: 1,
      manifests: 3,
      bytes: 3 * 2 ** 30,
      uniqueBytes: 2 ** 30,
      sharedBytes: 2 ** 31,
    },
  ];
  removal: () => Promise<RemovalReport> = () =>
    Promise.resolve({ image: 'node:20', digest, tags: ['20'], manifests: 3, blobs: 7, bytes: 2 ** 20 });
  pruned: readonly PrunedImage[] = [
    { image: 'node:18', digest, tags: ['18', 'old'], bytes: 2 ** 30, lastUsedAt: 1_600_000_000_000 },
    { image: null, digest, tags: [], bytes: 1024, lastUsedAt: 1_600_000_000_000 },
  ];
  pinned: readonly PinListing[] = [
    { pattern: 'node:*', source: 'configuration', createdAt: null },
    { pattern: 'ghcr.io/acme/*', source: 'command', createdAt: 1_700_000_000_000 },
  ];
  pinning: () => Promise<void> = () => Promise.resolve();
  numbers: Stats = {
    store: {
      repositories: 2,
      tags: 3,
      manifests: 9,
      blobs: 20,
      bytes: 5 * 2 ** 30,
      databaseBytes: 2 ** 20,
      partial: { blobs: 1, bytes: 2048 },
      quarantine: { blobs: 0, bytes: 0 },
    },
    disk: { size: 2 ** 40, free: 2 ** 39, files: 1000, freeFiles: 900 },
    limits: { maxsize: 2 ** 33, minfree: null, quotas: [{ match: 'ghcr.io', bytes: 2 ** 30 }] },
    cache: { state: 'failed', problems: ['the disk is full'] },
    scrub: { periodMs: 30 * 24 * 3_600_000, oldestVerifiedAt: 1_700_000_000_000 },
    server: {
      offline: false,
      maxRate: null,
      nextWarmAt: null,
      startedAt: 1_700_000_000_000,
      uptimeMs: 7_200_000,
      ahead: { bytes: 2 ** 30, unaskedBytes: 2 ** 20 },
      evicted: { images: 4, bytes: 2 ** 31 },
      scrubbed: { blobs: 6, bytes: 2 ** 31 },
      damaged: 1,
    },
  };
  verification: AsyncIterable<VerifyEvent> | readonly VerifyEvent[] = [
    { type: 'progress', progress: { blobs: 1, bytes: 50, totalBlobs: 2, totalBytes: 100 } },
    {
      type: 'finding',
      finding: {
        kind: 'damaged',
        loss: true,
        repaired: false,
        digest,
        images: ['node:20'],
        detail: 'its bytes hash to something else',
      },
    },
    {
      type: 'report',
      report: {
        blobs: 2,
        bytes: 100,
        manifests: 3,
        tags: 1,
        findings: { damaged: 1 },
        loss: true,
        repaired: 0,
      },
    },
  ];
  imported: readonly ImportEvent[] = [
    { type: 'progress', progress: { repositories: 1, tags: 1, manifests: 1, blobs: 2, bytes: 2 ** 20 } },
    { type: 'skipped', what: 'library/node:18', reason: 'a layer is missing' },
    {
      type: 'report',
      report: {
        repositories: 1,
        tags: 2,
        manifests: 2,
        blobs: 4,
        bytes: 2 ** 21,
        linked: 3,
        held: 1,
        skipped: 1,
      },
    },
  ];

  async *images(options?: ImagesOptions): AsyncIterable<ImageListing> {
    this.calls.push(['images', options]);
    yield* this.listings;
  }

  async *usage(): AsyncIterable<UsageListing> {
    this.calls.push(['usage', undefined]);
    yield* this.usages;
  }

  remove(image: string): Promise<RemovalReport> {
    this.calls.push(['remove', image]);
    return this.removal();
  }

  async *prune(options: PruneOptions): AsyncIterable<PrunedImage> {
    this.calls.push(['prune', options]);
    yield* this.pruned;
  }

  pin(pattern: string): Promise<void> {
    this.calls.push(['pin', pattern]);
    return this.pinning();
  }

  unpin(pattern: string): Promise<boolean> {
    this.calls.push(['unpin', pattern]);
    return Promise.resolve(this.pinned.some((one) => one.pattern === pattern));
  }

  pins(): Promise<readonly PinListing[]> {
    this.calls.push(['pins', undefined]);
    return Promise.resolve(this.pinned);
  }

  stats(): Promise<Stats> {
    this.calls.push(['stats', undefined]);
    return Promise.resolve(this.numbers);
  }

  async *verify(options: VerifyOptions): AsyncIterable<VerifyEvent> {
    this.calls.push(['verify', options]);
    yield* this.verification;
  }

  async *importRegistry(options: ImportOptions): AsyncIterable<ImportEvent> {
    this.calls.push(['importRegistry', options]);
    yield* this.imported;
  }
}
