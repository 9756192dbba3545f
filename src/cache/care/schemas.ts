import { z } from '../../base/zod.ts';

/*
 * What a Caretaker takes and answers, as JSON. Numbers are bytes and milliseconds, times count from the epoch, null
 * is none. Server and command may have different versions: unknown fields of an answer are dropped, missing ones are
 * an error.
 */

export type ReadonlyDeep<T> = T extends string
  ? T // Branded ones are objects, too.
  : T extends object
    ? { readonly [Key in keyof T]: ReadonlyDeep<T[Key]> }
    : T;
type Output<Schema extends z.ZodType> = ReadonlyDeep<z.infer<Schema>>;

const text = z.string();
const count = z.number();
/** Far longer than any name or pattern. */
export const inputText = z.string().max(4096);

export const imagesOptions = z.strictObject({
  /** An image, or a pattern as for a pin: `node` and `node:*` are all its tags. Null: everything. */
  matching: inputText.nullable(),
});
export type ImagesOptions = Output<typeof imagesOptions>;

/** A tag, or an untagged root manifest, with everything that belongs to it. */
export const imageListing = z.object({
  /** Canonical name with tag or digest: `node:20`, `ghcr.io/owner/app@sha256:…`; `remove` takes it. */
  image: text,
  /** Canonical name alone. */
  repository: text,
  upstream: text,
  tag: text.nullable(),
  digest: text,
  mediaType: text,
  /** Cached bytes of its blobs. Shared blobs count for each image. */
  bytes: count,
  /** Cached manifests: its own, platforms, signatures. */
  manifests: count,
  lastUsedAt: count,
  createdAt: count,
  /** Whether every blob of every cached manifest is cached. */
  complete: z.boolean(),
  /** The pattern that exempts it from eviction. */
  pinnedBy: text.nullable(),
});
export type ImageListing = Output<typeof imageListing>;

/** What a repository takes up; `repository` null is the total. */
export const usageListing = z.object({
  repository: text.nullable(),
  upstream: text.nullable(),
  tags: count,
  manifests: count,
  /** Cached bytes that its manifests name. */
  bytes: count,
  /** Of these, what no other repository names. In the total: what is named by one repository only. */
  uniqueBytes: count,
  /** Of these, what other repositories name too. In the total each byte counts once. */
  sharedBytes: count,
});
export type UsageListing = Output<typeof usageListing>;

export const removalReport = z.object({
  /** Canonical name with tag or digest. */
  image: text,
  digest: text,
  /** Removed tags. */
  tags: z.array(text),
  /** Removed manifests. */
  manifests: count,
  blobs: count,
  /** Freed bytes. */
  bytes: count,
});
export type RemovalReport = Output<typeof removalReport>;

/** At least one of `toBytes` and `unusedMs` is given. */
export const pruneOptions = z.strictObject({
  /** Removes images until at most this much is cached. */
  toBytes: count.nonnegative().nullable(),
  /** Removes images that were not used for this long. */
  unusedMs: count.nonnegative().nullable(),
  /** Reports what would be removed, and changes nothing. */
  dryRun: z.boolean(),
});
export type PruneOptions = Output<typeof pruneOptions>;

/** A removed image, or a removed blob that no image needs. */
export const prunedImage = z.object({
  /** Canonical name with the first tag, or the digest. Null for a blob. */
  image: text.nullable(),
  digest: text,
  /** All tags that were removed with it. */
  tags: z.array(text),
  /** Freed bytes. */
  bytes: count,
  lastUsedAt: count,
});
export type PrunedImage = Output<typeof prunedImage>;

export const pinListing = z.object({
  pattern: text,
  source: z.enum(['configuration', 'command']),
  /** Null for one of the configuration. */
  createdAt: count.nullable(),
});
export type PinListing = Output<typeof pinListing>;

const blobsAndBytes = z.object({ blobs: count, bytes: count });

/** The cache in numbers. */
export const stats = z.object({
  store: z.object({
    repositories: count,
    tags: count,
    manifests: count,
    blobs: count,
    /** Of blobs. */
    bytes: count,
    databaseBytes: count,
    /** Downloads under way, or interrupted and to be resumed. */
    partial: blobsAndBytes,
    /** Damaged blobs that were put aside. */
    quarantine: blobsAndBytes,
  }),
  /** The file system of the blobs; `free` is what this user may write. Null when it cannot be read. */
  disk: z.object({ size: count, free: count, files: count, freeFiles: count }).nullable(),
  limits: z.object({
    maxsize: count.nullable(),
    minfree: count.nullable(),
    /** `match` is the upstream, or a pattern of repositories, each of which has the quota. */
    quotas: z.array(z.object({ match: text, bytes: count })),
  }),
  /** `failed`: pulls pass through without being stored. One line a problem. */
  cache: z.object({ state: z.enum(['healthy', 'failed']), problems: z.array(text) }),
  /** The period in which everything is hashed (null: never), and the oldest verification of a blob. */
  scrub: z.object({ periodMs: count.nullable(), oldestVerifiedAt: count.nullable() }),
  /** Since the server started; null where none runs. */
  server: z
    .object({
      /** No upstream is asked. */
      offline: z.boolean(),
      /** What is taken from all upstreams at most, in bytes a second. */
      maxRate: count.nullable(),
      /** When the images that are configured are warmed next; null for never, and during that. */
      nextWarmAt: count.nullable(),
      startedAt: count,
      uptimeMs: count,
      /** Prefetched, and what of it no client has requested since. */
      ahead: z.object({ bytes: count, unaskedBytes: count }),
      /** By limits, `proxy.ttl` and `prune`. */
      evicted: z.object({ images: count, bytes: count }),
      scrubbed: blobsAndBytes,
      /** Blobs that the scrubber found damaged or missing. */
      damaged: count,
    })
    .nullable(),
});
export type Stats = Output<typeof stats>;

export const verifyOptions = z.strictObject({
  /** Repairs what can be repaired. Without it nothing is changed. */
  repair: z.boolean(),
});
export type VerifyOptions = Output<typeof verifyOptions>;

const findingKind = z.enum([
  /** The bytes of a blob do not match its digest, or are too few. */
  'damaged',
  /** The database has a blob whose file is gone. */
  'missing',
  /** The bytes of a manifest do not match its digest. */
  'manifest',
  /** A tag points to no cached manifest. */
  'tag',
  /** The database itself is corrupt. */
  'database',
  /** The database has a wrong size for an intact blob. */
  'size',
  /** The database does not have an intact file. */
  'orphan',
  /** The database does not have a file, and its bytes do not match its name. */
  'orphan-damaged',
  /** Totals in the database are not the sums that they stand for. */
  'accounts',
  /** A blob was evicted, but its bytes are still there. */
  'condemned',
  /** A download was interrupted; the next request resumes it. */
  'partial',
]);
export type FindingKind = z.infer<typeof findingKind>;

const finding = z.object({
  kind: findingKind,
  /** Whether content that the cache should have is lost. */
  loss: z.boolean(),
  /** Whether `repair` has repaired it: damaged content is put aside and fetched anew on the next request. */
  repaired: z.boolean(),
  /** Of the blob or manifest. */
  digest: text.nullable(),
  /** Canonical names of a few images that name it. */
  images: z.array(text),
  /** One line for people. */
  detail: text,
});
export type Finding = Output<typeof finding>;

const verifyReport = z.object({
  /** Blobs that were hashed, and their bytes. */
  blobs: count,
  bytes: count,
  manifests: count,
  tags: count,
  /** Findings of each kind that there are any of. */
  findings: z.partialRecord(findingKind, count),
  /** Whether content is damaged or missing, or the database is corrupt, repaired or not. */
  loss: z.boolean(),
  repaired: count,
});
export type VerifyReport = Output<typeof verifyReport>;

/** `progress` comes at most a few times a second; `report` is the last. */
export const verifyEvent = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('progress'),
    /** Hashed so far, and in all. */
    progress: z.object({ blobs: count, bytes: count, totalBlobs: count, totalBytes: count }),
  }),
  z.object({ type: z.literal('finding'), finding }),
  z.object({ type: z.literal('report'), report: verifyReport }),
]);
export type VerifyEvent = Output<typeof verifyEvent>;

export const importOptions = z.strictObject({
  /** The root of the registry:2 store, as seen by the process that has the data folder. */
  folder: inputText,
  /** The upstream that it mirrored; null: the one that plain names mean. */
  upstream: inputText.nullable(),
});
export type ImportOptions = Output<typeof importOptions>;

const importCounts = z.object({
  repositories: count,
  tags: count,
  manifests: count,
  /** Blobs verified and taken over so far. */
  blobs: count,
  bytes: count,
});
export type ImportCounts = Output<typeof importCounts>;

const importReport = importCounts.extend({
  /** Of the blobs, those that share their bytes on the disk with the registry's. */
  linked: count,
  /** Blobs that were cached before. */
  held: count,
  skipped: count,
});
export type ImportReport = Output<typeof importReport>;

/** `progress` comes at most a few times a second; `skipped` has a reason; `report` is the last. */
export const importEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('progress'), progress: importCounts }),
  z.object({ type: z.literal('skipped'), what: text, reason: text }),
  z.object({ type: z.literal('report'), report: importReport }),
]);
export type ImportEvent = Output<typeof importEvent>;
