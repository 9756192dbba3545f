import { mediaTypes } from '../../src/oci/media-type.ts';
import { content, descriptor, makeImage, type Image, type ImageIndex } from './image.ts';

/**
 * An index as BuildKit writes it: images for several platforms, and for each a manifest of what is attested
 * of it.
 */
export interface AttestedIndex extends ImageIndex {
  readonly platforms: readonly Image[];
  /** In the order of the platforms. */
  readonly attestations: readonly Image[];
}

/** The platforms of official images. */
const architectures = ['amd64', 'arm64', 's390x', 'ppc64le', 'riscv64', '386'];

/** An OCI index of that many platforms, without a layer in common, and their attestations. */
export function makeAttestedIndex(
  platforms: number,
  options: { readonly layers?: number | readonly number[]; readonly seed?: number } = {},
): AttestedIndex {
  const { layers = 3, seed = 1 } = options;
  const images = Array.from({ length: platforms }, (_, index) =>
    makeImage({ layers, seed: seed * 1000 + index, oci: true }),
  );
  const attestations = images.map(attestationOf);
  const manifests = [
    ...images.map((image, index) => ({
      ...descriptor(image),
      platform: { architecture: architectures[index % architectures.length], os: 'linux' },
    })),
    ...attestations.map((attestation, index) => ({
      ...descriptor(attestation),
      annotations: {
        'vnd.docker.reference.digest': images[index]?.digest,
        'vnd.docker.reference.type': 'attestation-manifest',
      },
      platform: { architecture: 'unknown', os: 'unknown' },
    })),
  ];
  const mediaType = mediaTypes.ociIndex;
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests }, undefined, 2));
  return {
    ...content(bytes, mediaType),
    images: [...images, ...attestations],
    platforms: images,
    attestations,
  };
}

/** Provenance and a bill of materials, a layer each; the config has the type of an image's. */
function attestationOf(image: Image): Image {
  const types = ['https://slsa.dev/provenance/v0.2', 'https://spdx.dev/Document'];
  const layers = types.map((predicateType) => {
    const statement = { _type: 'https://in-toto.io/Statement/v0.1', predicateType, subject: image.digest };
    return content(Buffer.from(JSON.stringify(statement)), 'application/vnd.in-toto+json');
  });
  const rootfs = { type: 'layers', diff_ids: layers.map(({ digest }) => digest) };
  const config = content(
    Buffer.from(JSON.stringify({ architecture: 'unknown', os: 'unknown', config: {}, rootfs })),
    'application/vnd.oci.image.config.v1+json',
  );
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: descriptor(config),
    layers: layers.map((layer, index) => ({
      ...descriptor(layer),
      annotations: { 'in-toto.io/predicate-type': types[index] },
    })),
  };
  const bytes = Buffer.from(JSON.stringify(manifest, undefined, 2));
  return { ...content(bytes, mediaTypes.ociManifest), config, layers };
}
