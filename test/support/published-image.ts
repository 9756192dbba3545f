import { digestOf, type Digest } from '../../src/oci/digest.ts';
import { makeImage, type Image } from './image.ts';
import { byTag, readAll, target, type MirrorFixture } from './mirror-fixture.ts';

/** Puts an image of one layer of that many bytes into the upstream, as `library/<name>:latest`. */
export function publish(
  fixture: MirrorFixture,
  name: string,
  bytes: number,
  options: { seed?: number } = {},
): Image {
  const { seed = Number.parseInt(digestOf(Buffer.from(name)).slice(-8), 16) } = options;
  const image = makeImage({ layers: [bytes], seed });
  fixture.upstream.addManifest(`library/${name}`, image.bytes, 'latest');
  for (const { bytes: blob } of [image.config, ...image.layers])
    fixture.upstream.addBlob(`library/${name}`, blob);
  return image;
}

/** Pulls `library/<name>:latest` whole, as a client does. Throws for wrong bytes. */
export async function pull(fixture: MirrorFixture, name: string, image: Image): Promise<void> {
  const asked = target(`library/${name}`);
  const { bytes } = await fixture.mirror.manifest(asked, byTag('latest'), 'GET');
  if (bytes?.equals(image.bytes) !== true) throw new Error(`wrong manifest of ${name}`);
  for (const blob of [image.config, ...image.layers]) {
    const got = await readAll(await fixture.mirror.openBlob(asked, blob.digest));
    if (!got.equals(blob.bytes)) throw new Error(`wrong blob of ${name}`);
  }
}

/** The digests whose bytes are on the disk. */
export async function cachedBlobs(fixture: MirrorFixture): Promise<ReadonlySet<Digest>> {
  const held = await Array.fromAsync(fixture.content.list());
  return new Set(held.map(({ digest }) => digest));
}

/** Evicts everything that is not in use, as `entrepot prune` does; resolves to the images that went. */
export function pruneAll(fixture: MirrorFixture): Promise<readonly unknown[]> {
  const unusedBefore = fixture.clock.now() + 1;
  return Array.fromAsync(fixture.space.evictor.prune({ unusedBefore, dryRun: false }));
}
