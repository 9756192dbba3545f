import type { Digest } from '../../oci/digest.ts';
import type { ManifestContents } from '../../oci/manifest.ts';
import { dockerImageConfig } from '../../oci/media-type.ts';

/** What an image's config says of itself; artifacts in the shape of an image (charts, signatures) have configs of their own types. */
const imageConfigs: ReadonlySet<string> = new Set([
  'application/vnd.oci.image.config.v1+json',
  dockerImageConfig,
]);

/** Layers that are unpacked: not BuildKit's attestations, which come with an image's config, nor nydus blobs, which are never read whole. */
const imageLayer =
  /^application\/vnd\.(?:oci\.image\.layer\.(?:nondistributable\.)?v1\.tar|docker\.image\.rootfs\.(?:foreign\.)?diff\.tar)/;

/**
 * What a client that pulls an image asks for after its manifest, in that order: the config, then the layers from the lowest
 * on. Nothing for a manifest that is not an image's.
 */
export function imageBlobs({ blobs, subject, artifactType }: ManifestContents): readonly Digest[] {
  const [config, ...layers] = blobs;
  const isImage =
    config !== undefined &&
    subject === undefined &&
    // What a manifest does not say otherwise, its config's type says.
    artifactType === config.mediaType &&
    imageConfigs.has(config.mediaType) &&
    layers.every(({ mediaType }) => imageLayer.test(mediaType));
  if (!isImage) return [];
  return [...new Set([config, ...layers].filter(({ size }) => size > 0).map(({ digest }) => digest))];
}
