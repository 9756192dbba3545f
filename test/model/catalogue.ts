import type { Digest } from '../../src/oci/digest.ts';
import { assembleImage, makeIndex, noise, type Content, type Image } from '../support/image.ts';

/** What one tag means upstream. */
export interface Title {
  readonly tag: string;
  /** What the tag points to: an image, or an index. */
  readonly root: Content;
  readonly images: readonly Image[];
  /** Each blob once. */
  readonly blobs: readonly Content[];
}

function title(tag: string, images: readonly Image[], root?: Content): Title {
  const [only] = images;
  if (only === undefined) throw new Error('a title without an image');
  const blobs = images.flatMap(({ config, layers }) => [config, ...layers]);
  return {
    tag,
    root: root ?? only,
    images,
    blobs: [...new Map(blobs.map((blob) => [blob.digest, blob])).values()],
  };
}

/**
 * Few images with much in common: two share a base layer, one is for two platforms, one of these platforms
 * has a tag of its own, two are the same layers in another order, and one stands alone.
 */
export function makeCatalogue(): readonly Title[] {
  const layer = (name: string, size: number) => noise(size, name);
  const image = (name: string, layers: readonly Buffer[]) => assembleImage(layers, { name });
  const debian = layer('debian', 200_000);
  const alpine = layer('alpine', 90_000);
  const tools = layer('tools', 140_000);
  const amd64 = image('amd64', [alpine, layer('amd64', 110_000)]);
  const arm64 = image('arm64', [alpine, layer('arm64', 120_000)]);
  return [
    title('one', [image('one', [debian, layer('one', 150_000)])]),
    title('two', [image('two', [debian, layer('two', 250_000)])]),
    title('multi', [amd64, arm64], makeIndex([amd64, arm64])),
    title('arm', [arm64]),
    title('here', [image('here', [tools, alpine])]),
    title('there', [image('there', [alpine, tools])]),
    title('alone', [image('alone', [layer('alone', 400_000)])]),
  ];
}

/** The sum of the sizes of distinct contents, in bytes. */
export function totalBytes(contents: readonly { readonly digest: Digest; readonly size: number }[]): number {
  const sizes = new Map(contents.map(({ digest, size }) => [digest, size]));
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}
