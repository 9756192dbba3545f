import { z } from '../../../base/zod.ts';
import { digestAlgorithm, digestOf, parseDigest } from '../../../oci/digest.ts';
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
 * What reads the rows of a damaged database; all give undefined for one that cannot be what was written.
 * @param now milliseconds since the epoch: no time lies after that
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
     * A repository that was public counts as one, but as of the beginning of time: it may have been made private since
     * the copy was made, so upstream is asked before its being public is relied on.
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
      if (digestOf(manifest.bytes, digestAlgorithm(manifest.digest)) !== manifest.digest) return undefined;
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
