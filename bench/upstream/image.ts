import { randomBytes } from 'node:crypto';
import { digestOf, type Digest } from '../../src/oci/digest.ts';
import { mediaTypes } from '../../src/oci/media-type.ts';

/** An image whose layers are random bytes, so that nothing on the way can compress or share them. */
export interface RandomImage {
  readonly manifest: Buffer;
  readonly manifestDigest: Digest;
  readonly blobs: ReadonlyMap<Digest, Buffer>;
}

/** Makes an image of one layer for each of `layerSizes`, in bytes. */
export function randomImage(layerSizes: readonly number[]): RandomImage {
  const layers = layerSizes.map((size) => randomBytes(size));
  const diffIds = layers.map((layer) => digestOf(layer));
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: diffIds },
    }),
  );
  const descriptor = (mediaType: string, bytes: Buffer): object => ({
    mediaType,
    digest: digestOf(bytes),
    size: bytes.length,
  });
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: descriptor('application/vnd.oci.image.config.v1+json', config),
      layers: layers.map((layer) => descriptor('application/vnd.oci.image.layer.v1.tar', layer)),
    }),
  );
  return {
    manifest,
    manifestDigest: digestOf(manifest),
    blobs: new Map([config, ...layers].map((bytes) => [digestOf(bytes), bytes])),
  };
}
