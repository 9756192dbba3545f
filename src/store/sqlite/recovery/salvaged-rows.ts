import { z } from '../../../base/zod.ts';
import { isDigestOf, parseDigest } from '../../../oci/digest.ts';
import {
  ManifestSyntaxError,
  readManifest,
  type Manifest,
  type ManifestContents,
} from '../../../oci/manifest.ts';
import { manifestMediaTypes } from '../../../oci/media-type.ts';
import { parseRepositoryName, parseTag, parseUpstreamName } from '../../../oci/reference.ts';
import { readReferrers } from '../../../oci/referrers.ts';
import type { Row } from './damaged-database.ts';

/** A manifest whose bytes hash to its digest. */
export interface SalvagedManifest {
  readonly manifest: Manifest;
  readonly contents: ManifestContents;
  /** Milliseconds since the epoch, both. */
  readonly createdAt: number;
  readonly lastUsedAt: number;
}

export type RowReaders = ReturnType<typeof rowReaders>;

/** Text of which `parse` makes itself. */
function text<T extends string>(parse: (value: string) => T | undefined) {
  return z.custom<T>((value) => typeof value === 'string' && parse(value) === value);
}

const digest = text(parseDigest);
const upstream = text(parseUpstreamName);
const whole = z.int().min(0);
const wholeOrNull = whole.nullable().catch(null);

/**
 * Readers of rows of a damaged database; they return undefined for one that cannot be as it was written.
 * @param now milliseconds since the epoch: later times are cut off
 */
export function rowReaders(now: number) {
  const time = whole.transform((at) => Math.min(at, now));
  const manifestRow = z.object({
    digest,
    mediaType: z.string().refine((type) => manifestMediaTypes.includes(type)),
    createdAt: time,
    lastUsedAt: time,
    bytes: z.instanceof(Buffer),
  });
  const referrers = z.object({ subject: digest, checkedAt: time, descriptors: z.string() });
  return {
    digest: reader(z.object({ digest })),
    /**
     * Public repositories become public as of the epoch: the copy may be outdated, so upstream has to confirm
     * it first.
     */
    repository: reader(
      z.object({
        upstream,
        name: text(parseRepositoryName),
        publicAt: wholeOrNull.transform((at) => (at === null ? null : 0)),
      }),
    ),
    tag: reader(z.object({ name: text(parseTag), digest, checkedAt: time })),
    /** A right that upstream confirmed. */
    right: reader(z.object({ digest, size: whole, confirmedAt: time })),
    upstream: reader(z.object({ upstream })),
    upstreamState: reader(
      z.object({
        upstream,
        failures: whole,
        retryAt: whole,
        limit: wholeOrNull,
        remaining: wholeOrNull,
        window: wholeOrNull,
      }),
    ),
    pin: reader(z.object({ pattern: z.string().regex(/^[\x21-\x7e]{1,1024}$/), createdAt: time })),
    manifest: (row: Row): SalvagedManifest | undefined => {
      const { data } = manifestRow.safeParse(row);
      if (data === undefined) return undefined;
      const { createdAt, lastUsedAt, ...manifest } = data;
      if (!isDigestOf(manifest.digest, manifest.bytes)) return undefined;
      const contents = unlessMalformed(() => readManifest(manifest.bytes));
      if (contents === undefined) return undefined;
      return { manifest: { ...manifest, size: manifest.bytes.length }, contents, createdAt, lastUsedAt };
    },
    referrers: (row: Row) => {
      const { data } = referrers.safeParse(row);
      if (data === undefined) return undefined;
      const json = Buffer.from(`{"manifests":${data.descriptors}}`);
      const descriptors = unlessMalformed(() => JSON.stringify(readReferrers(json)));
      return descriptors === undefined ? undefined : { ...data, descriptors };
    },
  };
}

function reader<T>(schema: z.ZodType<T>): (row: Row) => T | undefined {
  return (row) => schema.safeParse(row).data;
}

function unlessMalformed<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof ManifestSyntaxError) return undefined;
    throw error;
  }
}
