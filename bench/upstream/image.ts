import { digestOf, type Digest } from '../../src/oci/digest.ts';
import { mediaTypes } from '../../src/oci/media-type.ts';
import { digestOfContent, HeldContent, Layer, type Content } from './content.ts';

/** An image that can be run as little as it can be compressed, but unpacked by any client. */
export interface RandomImage {
  readonly manifestDigest: Digest;
  /** Its manifest, its config and its layers. */
  readonly contents: ReadonlyMap<Digest, Content>;
}

/**
 * Makes an image of one layer for each of `layerSizes`, in bytes. Images of different names share no layer.
 * @param noise what layers are made of, see {@link Layer}
 */
export function randomImage(name: string, layerSizes: readonly number[], noise: Buffer): RandomImage {
  const layers = layerSizes.map((size, index) => {
    const content = new Layer(size, `${name}-${index}`, noise);
    return { content, digest: digestOfContent(content) };
  });
  const config = Buffer.from(
    JSON.stringify({
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
    }),
  );
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: {
        mediaType: 'application/vnd.oci.image.config.v1+json',
        digest: digestOf(config),
        size: config.length,
      },
      layers: layers.map(({ content, digest }) => ({
        mediaType: 'application/vnd.oci.image.layer.v1.tar',
        digest,
        size: content.size,
      })),
    }),
  );
  const manifestDigest = digestOf(manifest);
  return {
    manifestDigest,
    contents: new Map<Digest, Content>([
      [manifestDigest, new HeldContent(manifest)],
      [digestOf(config), new HeldContent(config)],
      ...layers.map(({ content, digest }) => [digest, content] as const),
    ]),
  };
}
