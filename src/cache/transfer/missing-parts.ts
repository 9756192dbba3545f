import type { Digest } from '../../oci/digest.ts';
import type { ImageContents } from './schemas.ts';

/** What an image needs, and is not in the cache. */
export interface MissingPart {
  readonly digest: Digest;
  readonly what: 'index' | 'manifest' | 'attestation' | 'config' | 'layer';
  /** Of the image, as the index states it. */
  readonly platform: string | null;
  /** `size`: there are bytes, but not as many as the manifest states. */
  readonly fault: 'missing' | 'size';
}

/** The parts of an image that are not there, or not of the right size; each once for each of its manifests. */
export function missingParts({ manifests }: Pick<ImageContents, 'manifests'>): readonly MissingPart[] {
  return manifests.flatMap(({ digest, kind, platform, cached, blobs }): readonly MissingPart[] => {
    const what = kind === 'index' || kind === 'attestation' ? kind : 'manifest';
    if (!cached) return [{ digest, what, platform, fault: 'missing' }];
    return blobs
      .filter(({ foreign, size, stored }) => !foreign && stored !== size)
      .map((blob) => ({
        digest: blob.digest,
        what: kind === 'attestation' ? kind : blob.kind,
        platform,
        fault: blob.stored === null ? 'missing' : 'size',
      }));
  });
}

/** For people: `linux/amd64: layer sha256:… is missing`. */
export function describeMissing({ digest, what, platform, fault }: MissingPart): string {
  const where = platform === null ? '' : `${platform}: `;
  return `${where}${what} ${digest} ${fault === 'missing' ? 'is missing' : 'has the wrong size'}`;
}
