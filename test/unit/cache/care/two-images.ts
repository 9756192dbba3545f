import type { ImageListing, PrunedImage } from '../../../../src/cache/care/schemas.ts';
import type { Digest } from '../../../../src/oci/digest.ts';
import { CareFixture, type CareFixtureOptions } from '../../../support/care-fixture.ts';
import { makeImage, type Image } from '../../../support/image.ts';

export const hour = 60 * 60 * 1000;
export const old = makeImage({ layers: [5000], seed: 1 });
export const young = makeImage({ layers: [6000], seed: 2 });
export const shared = makeImage({ layers: [5000, 7000], seed: 1 });

export function sizeOf(image: Image): number {
  return [image.config, ...image.layers].reduce((sum, { size }) => sum + size, 0);
}

/** `node:20` is an hour older than `ghcr.io/owner/app:1`. */
export async function holding(options: CareFixtureOptions = {}): Promise<CareFixture> {
  const fixture = await CareFixture.open(options);
  await fixture.hold(old, 'library/node', '20');
  await fixture.clock.advance(hour);
  await fixture.hold(young, 'ghcr.io/owner/app', '1');
  return fixture;
}

export async function images(
  fixture: CareFixture,
  matching: string | null = null,
): Promise<readonly string[]> {
  const listed: ImageListing[] = await Array.fromAsync(fixture.caretaker.images({ matching }));
  return listed.map(({ image }) => image);
}

export function prune(
  fixture: CareFixture,
  options: { toBytes?: number; unusedMs?: number; dryRun?: boolean },
): Promise<PrunedImage[]> {
  const { toBytes = null, unusedMs = null, dryRun = false } = options;
  return Array.fromAsync(fixture.caretaker.prune({ toBytes, unusedMs, dryRun }));
}

export async function held(fixture: CareFixture, image: Image): Promise<readonly Digest[]> {
  const all = await Array.fromAsync(fixture.content.list());
  const digests = new Set([image.config, ...image.layers].map(({ digest }) => digest));
  return all.flatMap(({ digest }) => (digests.has(digest) ? [digest] : []));
}
