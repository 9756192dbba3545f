import type { ImageListing, PrunedImage } from '../../../../src/cache/care/listings.ts';
import type { Digest } from '../../../../src/oci/digest.ts';
import { CareHouse, type CareHouseOptions } from '../../../support/care-house.ts';
import { makeImage, type Image } from '../../../support/image.ts';

export const hour = 60 * 60 * 1000;
export const old = makeImage({ layers: [5000], seed: 1 });
export const young = makeImage({ layers: [6000], seed: 2 });
export const shared = makeImage({ layers: [5000, 7000], seed: 1 });

export function sizeOf(image: Image): number {
  return [image.config, ...image.layers].reduce((sum, { size }) => sum + size, 0);
}

/** `node:20` is an hour older than `ghcr.io/owner/app:1`. */
export async function holding(options: CareHouseOptions = {}): Promise<CareHouse> {
  const house = await CareHouse.open(options);
  await house.hold(old, 'library/node', '20');
  await house.clock.advance(hour);
  await house.hold(young, 'ghcr.io/owner/app', '1');
  return house;
}

export async function images(house: CareHouse, matching?: string): Promise<readonly string[]> {
  const listed: ImageListing[] = await Array.fromAsync(
    house.caretaker.images(matching === undefined ? {} : { matching }),
  );
  return listed.map(({ image }) => image);
}

export function prune(
  house: CareHouse,
  options: { toBytes?: number; unusedMs?: number; dryRun?: boolean },
): Promise<PrunedImage[]> {
  const { toBytes = null, unusedMs = null, dryRun = false } = options;
  return Array.fromAsync(house.caretaker.prune({ toBytes, unusedMs, dryRun }));
}

export async function held(house: CareHouse, image: Image): Promise<readonly Digest[]> {
  const all = await Array.fromAsync(house.content.list());
  const digests = new Set([image.config, ...image.layers].map(({ digest }) => digest));
  return all.flatMap(({ digest }) => (digests.has(digest) ? [digest] : []));
}
