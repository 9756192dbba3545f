import { expect, it, onTestFinished } from 'vitest';
import type { ByteSource, ImageSource } from '../../../../src/cache/transfer/image-source.ts';
import { LocalImageSource } from '../../../../src/cache/transfer/local-image-source.ts';
import type { ImageContents, ImagesItem, ImagesRequest } from '../../../../src/cache/transfer/schemas.ts';
import { ImageNames } from '../../../../src/cache/care/image-names.ts';
import { Routing } from '../../../../src/oci/routing.ts';
import type { UpstreamName } from '../../../../src/oci/reference.ts';
import { makeAttestedIndex } from '../../../support/attested-index.ts';
import { CareFixture } from '../../../support/care-fixture.ts';
import { content, makeImage, makeIndex, type Image, type ImageIndex } from '../../../support/image.ts';

const hub = 'docker.io' as UpstreamName;
const names = new ImageNames(new Routing([{ name: hub }], hub));
const image = makeImage({ oci: true });
const signature = makeImage({ layers: [9], seed: 9, oci: true });
const attested = makeAttestedIndex(2);

async function cache(): Promise<{ readonly fixture: CareFixture; readonly source: ImageSource }> {
  const fixture = await CareFixture.open();
  onTestFinished(() => fixture[Symbol.asyncDispose]());
  const { space, content, metadata, clock } = fixture;
  return { fixture, source: new LocalImageSource({ ...space, content, metadata, names, clock }) };
}

async function holdIndex(fixture: CareFixture, index: ImageIndex, images: readonly Image[]): Promise<void> {
  for (const one of images) {
    for (const blob of [one.config, ...one.layers]) await fixture.holdBlob(blob);
    await fixture.holdManifest(one, 'library/hello');
  }
  await fixture.holdManifest(index, 'library/hello', 'latest');
}

interface Asked {
  readonly images?: readonly string[];
  readonly platforms?: string;
  readonly referrers?: boolean;
}

function requestFor(asked: Asked): ImagesRequest {
  const { images = ['docker.io/library/hello:latest'], platforms = 'all', referrers = false } = asked;
  return { images: images.map((image) => ({ image, platforms })), referrers };
}

async function ask(source: ImageSource, asked: Asked, count = 1): Promise<ImagesItem[]> {
  const items: ImagesItem[] = [];
  for await (const item of source.images(requestFor(asked))) {
    items.push(item);
    if (items.length === count) break;
  }
  return items;
}

async function contents(source: ImageSource, request: Asked = {}): Promise<ImageContents> {
  const [item] = await ask(source, request);
  if (item === undefined || item === null || 'absent' in item) throw new Error('it is not cached');
  return item;
}

const kinds = ({ manifests }: ImageContents): readonly unknown[] =>
  manifests.map(({ kind, platform, cached }) => [kind, platform, cached]);

async function bytesOf(source: ByteSource | undefined): Promise<Buffer | undefined> {
  if (source === undefined) return undefined;
  await using open = source;
  const buffer = Buffer.alloc(64 * 1024);
  const parts: Buffer[] = [];
  for (let read = await open.read(buffer); read > 0; read = await open.read(buffer)) {
    parts.push(Buffer.from(buffer.subarray(0, read)));
  }
  return Buffer.concat(parts);
}

it('says what an image consists of, and how much of it is there', async () => {
  const { fixture, source } = await cache();
  await fixture.hold(image);
  const [, second] = image.layers;
  await fixture.lose(second?.digest ?? image.digest);
  const { manifests, ...rest } = await contents(source);
  expect(rest).toEqual({
    image: 'docker.io/library/hello:latest',
    upstream: 'docker.io',
    repository: 'library/hello',
    tag: 'latest',
    subject: null,
    pinned: false,
    whole: true,
    lacking: [],
  });
  expect(manifests).toMatchObject([{ digest: image.digest, kind: 'image', platform: null, cached: true }]);
  expect(manifests[0].blobs).toEqual(
    [image.config, ...image.layers].map(({ mediaType, digest, size }, index) => ({
      mediaType,
      digest,
      size,
      kind: index === 0 ? 'config' : 'layer',
      foreign: false,
      stored: digest === second?.digest ? null : size,
    })),
  );
});

it('follows an index to the platforms that are wanted, and to what attests something of them', async () => {
  const { fixture, source } = await cache();
  const [amd64, arm64] = attested.platforms;
  if (amd64 === undefined || arm64 === undefined) throw new Error('it has two platforms');
  await holdIndex(fixture, attested, [amd64]);
  const some = await contents(source, { platforms: 'linux/amd64' });
  expect([kinds(some), some.whole]).toEqual([
    [
      ['index', null, true],
      ['image', 'linux/amd64', true],
      ['attestation', null, false],
    ],
    false,
  ]);
  const all = await contents(source, { platforms: 'all' });
  expect([kinds(all).length, all.whole]).toEqual([5, true]);
  expect(kinds(all)).toContainEqual(['image', 'linux/arm64', false]);
  const none = await contents(source, { platforms: 'windows/amd64' });
  expect([kinds(none), none.lacking]).toEqual([[['index', null, true]], ['windows/amd64']]);
});

it('lets charts and signatures be known from images', async () => {
  const { fixture, source } = await cache();
  const chart = makeImage({ oci: true, seed: 3 });
  const json = JSON.parse(chart.bytes.toString()) as { config: { mediaType: string } };
  json.config.mediaType = 'application/vnd.cncf.helm.config.v1+json';
  const bytes = Buffer.from(JSON.stringify(json));
  await fixture.hold({ ...chart, ...content(bytes, chart.mediaType) });
  expect(kinds(await contents(source))).toEqual([['artifact', null, true]]);
});

it('follows an image by what refers to it, if that is wanted', async () => {
  const { fixture, source } = await cache();
  await fixture.hold(image);
  await fixture.hold(signature, 'library/hello', `${image.digest.replace(':', '-')}.sig`);
  const [asked, referrer, end] = await ask(source, { referrers: true }, 3);
  expect(asked).toMatchObject({ image: 'docker.io/library/hello:latest', subject: null });
  expect(referrer).toMatchObject({
    image: `docker.io/library/hello:${image.digest.replace(':', '-')}.sig`,
    tag: `${image.digest.replace(':', '-')}.sig`,
    subject: image.digest,
    manifests: [{ digest: signature.digest }],
  });
  expect(end).toBeNull();
});

it('finds an image by its digest, and keeps a tag that points elsewhere out of it', async () => {
  const { fixture, source } = await cache();
  await fixture.hold(image);
  await fixture.hold(signature, 'library/hello', 'other');
  const named = (reference: string): Promise<ImageContents> =>
    contents(source, { images: [`docker.io/library/hello${reference}`] });
  expect((await named(`@${image.digest}`)).tag).toBeNull();
  expect((await named(`:latest@${image.digest}`)).tag).toBe('latest');
  expect(await named(`:other@${image.digest}`)).toMatchObject({
    tag: null,
    manifests: [{ digest: image.digest }],
  });
});

it('says which images are not cached, and goes on', async () => {
  const { fixture, source } = await cache();
  await fixture.hold(image);
  const images = ['docker.io/library/absent:1', 'docker.io/library/hello:latest'];
  expect(await ask(source, { images }, 2)).toMatchObject([
    { image: images[0], absent: true },
    { image: images[1], tag: 'latest' },
  ]);
});

it('refuses what is no image, and what is no platform', async () => {
  const { source } = await cache();
  await expect(contents(source, { images: ['Not An Image'] })).rejects.toMatchObject({ kind: 'invalid' });
  await expect(contents(source, { platforms: 'linux/' })).rejects.toMatchObject({ kind: 'invalid' });
});

it('keeps all that it has named from eviction, until it is left', async () => {
  const { fixture, source } = await cache();
  await fixture.hold(image);
  const evict = (): Promise<readonly unknown[]> =>
    Array.fromAsync(fixture.caretaker.prune({ toBytes: 0, unusedMs: null, dryRun: false }));
  const reading = source.images(requestFor({}))[Symbol.asyncIterator]();
  await reading.next();
  expect(await evict()).toEqual([]);
  await reading.return?.(undefined);
  expect(await evict()).toHaveLength(1);
});

it('reads a blob or a manifest, from where it is wanted', async () => {
  const { fixture, source } = await cache();
  await fixture.hold(image);
  for (const { digest, bytes } of [image, image.config, ...image.layers]) {
    expect(await bytesOf(await source.open(digest))).toEqual(bytes);
    expect(await bytesOf(await source.open(digest, 100))).toEqual(bytes.subarray(100));
  }
  expect(await source.open(signature.digest)).toBeUndefined();
});

it('has the stated size of an index whose only image is not cached', async () => {
  const { fixture, source } = await cache();
  const index = makeIndex([image], { oci: true });
  await fixture.holdManifest(index, 'library/hello', 'latest');
  const [, child] = (await contents(source)).manifests;
  expect(child).toMatchObject({ digest: image.digest, size: image.size, cached: false, blobs: [] });
});
