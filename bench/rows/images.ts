import type { Descriptor } from '../../src/oci/manifest.ts';
import type { ImageSpec } from '../upstream/control.ts';
import type { BenchImage } from '../upstream/image-urls.ts';

const kib = 2 ** 10;
const mib = 2 ** 20;

/** Sizes of the blobs that rows ask for one by one, in bytes. */
export const blobSizes = { large: 256 * mib, medium: 64 * mib, small: 10 * kib } as const;
export type BlobName = keyof typeof blobSizes;

/** The image that has them as its layers. */
export const mixedImage: ImageSpec = { name: 'mixed', layers: Object.values(blobSizes) };

/**
 * An image of one layer of `size` bytes: that of a row that asks what a cold layer takes, and wants no other
 * to come.
 */
export function oneLayer(size: number): ImageSpec {
  return { name: `layer-of-${size / kib}k`, layers: [size] };
}

/** The layer of `image` that has so many bytes. */
export function layerOf(image: BenchImage, size: number): Descriptor {
  const layer = image.blobs.find((blob) => blob.size === size);
  if (layer === undefined) throw new Error(`${image.repository} has no layer of ${size} bytes`);
  return layer;
}
