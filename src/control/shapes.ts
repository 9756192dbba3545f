import type { ImportEvent } from '../cache/care/import-events.ts';
import type {
  ImageListing,
  PinListing,
  PrunedImage,
  RemovalReport,
  UsageListing,
} from '../cache/care/listings.ts';
import type { Stats } from '../cache/care/stats.ts';
import type { FindingKind, VerifyEvent } from '../cache/care/verify-events.ts';
import { z } from '../base/zod.ts';

/*
 * What a server may answer. It is checked, since it may be of another version than the command that asks: what has been
 * added since is left out, and what is missing is told.
 */

const text = z.string();
const count = z.number();

export const imageListing: z.ZodType<ImageListing> = z.object({
  image: text,
  repository: text,
  upstream: text,
  tag: text.nullable(),
  digest: text,
  mediaType: text,
  bytes: count,
  manifests: count,
  lastUsedAt: count,
  createdAt: count,
  complete: z.boolean(),
  pinnedBy: text.nullable(),
});

export const usageListing: z.ZodType<UsageListing> = z.object({
  repository: text.nullable(),
  upstream: text.nullable(),
  tags: count,
  manifests: count,
  bytes: count,
  uniqueBytes: count,
  sharedBytes: count,
});

export const removalReport: z.ZodType<RemovalReport> = z.object({
  image: text,
  digest: text,
  tags: z.array(text),
  manifests: count,
  blobs: count,
  bytes: count,
});

export const prunedImage: z.ZodType<PrunedImage> = z.object({
  image: text.nullable(),
  digest: text,
  tags: z.array(text),
  bytes: count,
  lastUsedAt: count,
});

export const pinListing: z.ZodType<PinListing> = z.object({
  pattern: text,
  source: z.enum(['configuration', 'command']),
  createdAt: count.nullable(),
});

const blobsAndBytes = z.object({ blobs: count, bytes: count });

export const stats: z.ZodType<Stats> = z.object({
  store: z.object({
    repositories: count,
    tags: count,
    manifests: count,
    blobs: count,
    bytes: count,
    databaseBytes: count,
    partial: blobsAndBytes,
    quarantine: blobsAndBytes,
  }),
  disk: z.object({ size: count, free: count, files: count, freeFiles: count }).nullable(),
  limits: z.object({
    maxsize: count.nullable(),
    minfree: count.nullable(),
    quotas: z.array(z.object({ match: text, bytes: count })),
  }),
  cache: z.object({ state: z.enum(['healthy', 'failed']), problems: z.array(text) }),
  scrub: z.object({ periodMs: count.nullable(), oldestVerifiedAt: count.nullable() }),
  server: z
    .object({
      startedAt: count,
      uptimeMs: count,
      ahead: z.object({ bytes: count, unaskedBytes: count }),
      evicted: z.object({ images: count, bytes: count }),
      scrubbed: blobsAndBytes,
      damaged: count,
    })
    .nullable(),
});

const findingKind: z.ZodType<FindingKind> = z.enum([
  'damaged',
  'missing',
  'manifest',
  'tag',
  'database',
  'size',
  'orphan',
  'orphan-damaged',
  'accounts',
  'condemned',
  'partial',
]);

export const verifyEvent: z.ZodType<VerifyEvent> = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('progress'),
    progress: z.object({ blobs: count, bytes: count, totalBlobs: count, totalBytes: count }),
  }),
  z.object({
    type: z.literal('finding'),
    finding: z.object({
      kind: findingKind,
      loss: z.boolean(),
      repaired: z.boolean(),
      digest: text.nullable(),
      images: z.array(text),
      detail: text,
    }),
  }),
  z.object({
    type: z.literal('report'),
    report: z.object({
      blobs: count,
      bytes: count,
      manifests: count,
      tags: count,
      findings: z.partialRecord(findingKind, count),
      loss: z.boolean(),
      repaired: count,
    }),
  }),
]);

const importCounts = z.object({
  repositories: count,
  tags: count,
  manifests: count,
  blobs: count,
  bytes: count,
});

export const importEvent: z.ZodType<ImportEvent> = z.discriminatedUnion('type', [
  z.object({ type: z.literal('progress'), progress: importCounts }),
  z.object({ type: z.literal('skipped'), what: text, reason: text }),
  z.object({
    type: z.literal('report'),
    report: importCounts.extend({ linked: count, held: count, skipped: count }),
  }),
]);
