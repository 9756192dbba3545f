import { parseDigest, type Digest } from './digest.ts';
import { descriptors, isObject, readDocument, type JsonObject } from './manifest.ts';
import { mediaTypes } from './media-type.ts';

/** What an index lists for those who run images. */
export interface ImageIndex {
  /** The images, one for each platform. */
  readonly platforms: readonly Digest[];
  /** By image, the manifests with its provenance and bill of materials that BuildKit lists beside it. */
  readonly attestations: ReadonlyMap<Digest, readonly Digest[]>;
}

const imageTypes: ReadonlySet<string> = new Set([mediaTypes.ociManifest, mediaTypes.dockerManifest]);

/**
 * Reads an index.
 * @throws {ManifestSyntaxError} when the bytes are no JSON object or a descriptor in them is malformed
 * @see https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md
 */
export function readImageIndex(bytes: Uint8Array): ImageIndex {
  const platforms: Digest[] = [];
  const attestations = new Map<Digest, Digest[]>();
  for (const { digest, mediaType, json } of descriptors(readDocument(bytes), 'manifests')) {
    const attested = attestedBy(json);
    if (attested !== undefined) {
      attestations.set(attested, [...(attestations.get(attested) ?? []), digest]);
    } else if (imageTypes.has(mediaType) && !isUnknown(json['platform'])) {
      platforms.push(digest);
    }
  }
  return { platforms, attestations };
}

/** The image that a manifest attests something of, as its descriptor says; undefined for all others. */
export function attestedBy({ annotations }: JsonObject): Digest | undefined {
  if (!isObject(annotations) || annotations['vnd.docker.reference.type'] !== 'attestation-manifest')
    return undefined;
  const digest = annotations['vnd.docker.reference.digest'];
  return typeof digest === 'string' ? parseDigest(digest) : undefined;
}

/** What no machine runs has the platform `unknown/unknown`. */
function isUnknown(platform: unknown): boolean {
  return isObject(platform) && platform['os'] === 'unknown';
}
