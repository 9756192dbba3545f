import type { Digest } from '../../oci/digest.ts';
import type { ManifestContents } from '../../oci/manifest.ts';
import { dockerImageConfig } from '../../oci/media-type.ts';

/** Media types of an image's config. Artifacts that look like images (charts, signatures) have others. */
const imageConfigs: ReadonlySet<string> = new Set([
  'application/vnd.oci.image.config.v1+json',
  dockerImageConfig,
]);

/** Layers that are unpacked: neither BuildKit's attestations nor nydus blobs, which are never read whole. */
const imageLayer =
  /^application\/vnd\.(?:oci\.image\.layer\.(?:nondistributable\.)?v1\.tar|docker\.image\.rootfs\.(?:foreign\.)?diff\.tar)/;

/** What a client that pulls an image asks for after its manifest: config, layers. Empty for anything else. */
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
