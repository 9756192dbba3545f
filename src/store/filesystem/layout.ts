import { join, resolve } from 'node:path';
import { digestAlgorithm, digestHex, parseDigest, type Digest } from '../../oci/digest.ts';

const partialName = /^(sha256|sha512)-([a-f0-9]+)\.partial$/;

/**
 * Where things lie under the root: `blobs/<algorithm>/<first two digits>/<hex>` and `ingest/<algorithm>-<hex>.partial`.
 * Names are built from a {@link Digest} and from nothing else.
 */
export class Layout {
  readonly blobs: string;
  readonly ingest: string;

  constructor(root: string) {
    this.blobs = join(resolve(root), 'blobs');
    this.ingest = join(resolve(root), 'ingest');
  }

  blob(digest: Digest): string {
    const hex = digestHex(digest);
    return join(this.blobs, digestAlgorithm(digest), hex.slice(0, 2), hex);
  }

  partial(digest: Digest): string {
    return join(this.ingest, `${digestAlgorithm(digest)}-${digestHex(digest)}.partial`);
  }

  /** The digest whose blob lies at `<algorithm>/<shard>/<name>`, or undefined for a file that is not ours. */
  blobDigest(algorithm: string, shard: string, name: string): Digest | undefined {
    return name.startsWith(shard) && shard.length === 2 ? parseDigest(`${algorithm}:${name}`) : undefined;
  }

  /** The digest of the partial blob of that file name, or undefined for a file that is not ours. */
  partialDigest(name: string): Digest | undefined {
    const [, algorithm, hex] = partialName.exec(name) ?? [];
    return algorithm === undefined || hex === undefined ? undefined : parseDigest(`${algorithm}:${hex}`);
  }
}
