import { digestAlgorithm, digestOf, parseDigest, type Digest } from '../../../oci/digest.ts';
import {
  ManifestSyntaxError,
  readManifest,
  type Manifest,
  type ManifestContents,
} from '../../../oci/manifest.ts';
import { manifestMediaTypes } from '../../../oci/media-type.ts';
import {
  parseRepositoryName,
  parseTag,
  parseUpstreamName,
  type Repository,
  type Tag,
  type UpstreamName,
} from '../../../oci/reference.ts';
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

/** Reads rows of a damaged database; each function returns undefined for one that cannot be what was written. */
export class RowReader {
  readonly #now: number;

  /** @param now milliseconds since the epoch: what happened later did not happen */
  constructor(now: number) {
    this.#now = now;
  }

  manifest(row: Row): SalvagedManifest | undefined {
    const { media_type: mediaType, bytes } = row;
    const digest = digestIn(row['digest']);
    const createdAt = this.time(row['created_at']);
    const lastUsedAt = this.time(row['last_used_at']);
    if (digest === undefined || createdAt === undefined || lastUsedAt === undefined) return undefined;
    if (typeof mediaType !== 'string' || !manifestMediaTypes.includes(mediaType)) return undefined;
    if (!Buffer.isBuffer(bytes) || digestOf(bytes, digestAlgorithm(digest)) !== digest) return undefined;
    try {
      const manifest = { mediaType, digest, size: bytes.length, bytes };
      return { manifest, contents: readManifest(bytes), createdAt, lastUsedAt };
    } catch (error) {
      if (!(error instanceof ManifestSyntaxError)) throw error;
      return undefined;
    }
  }

  /**
   * A repository that was public counts as one, but as of the beginning of time: it may have been made private since the copy
   * that is read was made, so upstream is to be asked before anybody relies on it.
   */
  repository(row: Row): (Repository & { readonly publicAt: number | null }) | undefined {
    const upstream = this.upstream(row['upstream']);
    const name = typeof row['name'] === 'string' ? parseRepositoryName(row['name']) : undefined;
    if (upstream === undefined || name === undefined) return undefined;
    return { upstream, name, publicAt: whole(row['public_at']) === undefined ? null : 0 };
  }

  tag(row: Row): { readonly name: Tag; readonly digest: Digest; readonly checkedAt: number } | undefined {
    const name = typeof row['name'] === 'string' ? parseTag(row['name']) : undefined;
    const digest = digestIn(row['digest']);
    const checkedAt = this.time(row['checked_at']);
    if (name === undefined || digest === undefined || checkedAt === undefined) return undefined;
    return { name, digest, checkedAt };
  }

  digest(row: Row): Digest | undefined {
    return digestIn(row['digest']);
  }

  /** A right that upstream confirmed. */
  right(
    row: Row,
  ): { readonly digest: Digest; readonly size: number; readonly confirmedAt: number } | undefined {
    const digest = digestIn(row['digest']);
    const size = whole(row['size']);
    const confirmedAt = this.time(row['confirmed_at']);
    if (digest === undefined || size === undefined || confirmedAt === undefined) return undefined;
    return { digest, size, confirmedAt };
  }

  referrers(
    row: Row,
  ): { readonly subject: Digest; readonly checkedAt: number; readonly descriptors: string } | undefined {
    const subject = digestIn(row['subject']);
    const checkedAt = this.time(row['checked_at']);
    if (subject === undefined || checkedAt === undefined || typeof row['descriptors'] !== 'string') {
      return undefined;
    }
    try {
      const listed = readReferrers(Buffer.from(`{"manifests":${row['descriptors']}}`));
      return { subject, checkedAt, descriptors: JSON.stringify(listed) };
    } catch (error) {
      if (!(error instanceof ManifestSyntaxError)) throw error;
      return undefined;
    }
  }

  upstream(value: unknown): UpstreamName | undefined {
    const name = typeof value === 'string' ? parseUpstreamName(value) : undefined;
    return name === value ? name : undefined;
  }

  /** The columns of an upstream's state. */
  upstreamState(row: Row): Row | undefined {
    const upstream = this.upstream(row['upstream']);
    const failures = whole(row['failures']);
    const retryAt = whole(row['retry_at']);
    if (upstream === undefined || failures === undefined || retryAt === undefined) return undefined;
    const [limit = null, remaining = null, window = null] = [
      whole(row['pull_limit']),
      whole(row['pulls_remaining']),
      whole(row['window_seconds']),
    ];
    return { upstream, failures, retryAt, limit, remaining, window };
  }

  pin(row: Row): { readonly pattern: string; readonly createdAt: number } | undefined {
    const { pattern } = row;
    const createdAt = this.time(row['created_at']);
    if (typeof pattern !== 'string' || createdAt === undefined) return undefined;
    return /^[\x21-\x7e]{1,1024}$/.test(pattern) ? { pattern, createdAt } : undefined;
  }

  /** Milliseconds since the epoch, not in the future. */
  time(value: unknown): number | undefined {
    const at = whole(value);
    return at === undefined ? undefined : Math.min(at, this.#now);
  }
}

function digestIn(value: unknown): Digest | undefined {
  return typeof value === 'string' ? parseDigest(value) : undefined;
}

function whole(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
