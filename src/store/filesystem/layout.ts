import { join, resolve } from 'node:path';
import { digestAlgorithm, digestHex, parseDigest, type Digest } from '../../oci/digest.ts';

/** Files in `ingest` that have to do with a blob. */
const ingestName = /^(sha\d{3})-([a-f0-9]+)\.(partial|unrecorded|adopted)$/;
const quarantinedName = /^(sha\d{3})-([a-f0-9]+)-(\d{1,15})$/;

/**
 * Paths under the root: `blobs/<algorithm>/<first two digits>/<hex>`, `ingest/<algorithm>-<hex>.partial` and
 * `quarantine/<algorithm>-<hex>-<ms since epoch>`, built from a {@link Digest} only; and `reserve`.
 */
export class Layout {
  readonly root: string;
  readonly blobs: string;
  readonly ingest: string;
  readonly quarantine: string;
  readonly reserve: string;

  constructor(root: string) {
    this.root = resolve(root);
    this.blobs = join(this.root, 'blobs');
    this.ingest = join(this.root, 'ingest');
    this.quarantine = join(this.root, 'quarantine');
    this.reserve = join(this.root, 'reserve');
  }

  blob(digest: Digest): string {
    const hex = digestHex(digest);
    return join(this.blobs, digestAlgorithm(digest), hex.slice(0, 2), hex);
  }

  partial(digest: Digest): string {
    return join(this.ingest, `${flat(digest)}.partial`);
  }

  /** The mark of a blob that is not recorded yet. */
  unrecorded(digest: Digest): string {
    return join(this.ingest, `${flat(digest)}.unrecorded`);
  }

  /** The file that is checked before it becomes the blob of that digest. */
  adopted(digest: Digest): string {
    return join(this.ingest, `${flat(digest)}.adopted`);
  }

  quarantined(digest: Digest, at: number): string {
    return join(this.quarantine, `${flat(digest)}-${at}`);
  }

  /** The digest whose blob lies at `<algorithm>/<shard>/<name>`, or undefined for a file that is not ours. */
  blobDigest(algorithm: string, shard: string, name: string): Digest | undefined {
    return name.startsWith(shard) && shard.length === 2 ? parseDigest(`${algorithm}:${name}`) : undefined;
  }

  isAdopted(name: string): boolean {
    return digestIn('adopted', name) !== undefined;
  }

  /** The digest of the partial blob of that file name, or undefined for a file that is not ours. */
  partialDigest(name: string): Digest | undefined {
    return digestIn('partial', name);
  }

  /** The digest of which a file of that name is the mark, or undefined for a file that is none. */
  unrecordedDigest(name: string): Digest | undefined {
    return digestIn('unrecorded', name);
  }

  /** What the name of a quarantined file says, or undefined for a file that is not ours. */
  quarantinedBlob(name: string): { readonly digest: Digest; readonly at: number } | undefined {
    const [, algorithm = '', hex = '', at = ''] = quarantinedName.exec(name) ?? [];
    const digest = parseDigest(`${algorithm}:${hex}`);
    return digest === undefined ? undefined : { digest, at: Number(at) };
  }
}

function digestIn(kind: 'partial' | 'unrecorded' | 'adopted', name: string): Digest | undefined {
  const [, algorithm = '', hex = '', found] = ingestName.exec(name) ?? [];
  return found === kind ? parseDigest(`${algorithm}:${hex}`) : undefined;
}

function flat(digest: Digest): string {
  return `${digestAlgorithm(digest)}-${digestHex(digest)}`;
}
