import { describe, expect, it } from 'vitest';
import type { Digest } from '../../../../src/oci/digest.ts';
import type { Tag } from '../../../../src/oci/reference.ts';
import type { ContentSink, GivenImage, ImageOutcome } from '../../../../src/cache/transfer/content-sink.ts';
import type { ImageArrival } from '../../../../src/cache/image-arrivals.ts';
import { CareFixture, repository } from '../../../support/care-fixture.ts';
import { content, makeImage, makeIndex, type Content, type Image } from '../../../support/image.ts';

const image = makeImage();
const newer = makeImage({ seed: 2 });
const index = makeIndex([image, newer]);
const hello = repository('library/hello');
const one = '1' as Tag;

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield await Promise.resolve(bytes);
}

async function giveBlobs(sink: ContentSink, ...images: readonly Image[]): Promise<void> {
  for (const { config, layers } of images) {
    for (const { digest, size, bytes } of [config, ...layers]) {
      await sink.putBlob({ digest, size, offset: 0 }, once(bytes));
    }
  }
}

function give(
  sink: ContentSink,
  [root, ...others]: readonly [Content, ...Content[]],
  options: Partial<GivenImage> = {},
): Promise<ImageOutcome> {
  return sink.putImage({
    repository: hello,
    root: root.digest,
    manifests: [root, ...others],
    tag: { name: one, checkedAt: 0, replaces: true },
    proven: [],
    pin: false,
    ...options,
  });
}

describe('an image that is given', () => {
  it('is listed whole, and pinned', async () => {
    await using fixture = await CareFixture.open();
    const { sink } = fixture.transfer;
    await giveBlobs(sink, image, newer);
    expect(await Array.fromAsync(fixture.caretaker.images())).toEqual([]);

    const outcome = await give(sink, [index, image, newer], { pin: true });

    expect(outcome).toEqual({ tag: 'new', pinned: 'library/hello:1' });
    expect(await Array.fromAsync(fixture.caretaker.images())).toMatchObject([
      { image: 'library/hello:1', digest: index.digest, complete: true, pinnedBy: 'library/hello:1' },
    ]);
  });

  it('needs no tag', async () => {
    await using fixture = await CareFixture.open();
    const { sink } = fixture.transfer;
    await giveBlobs(sink, image);
    expect(await give(sink, [image], { tag: undefined, pin: true })).toEqual({
      tag: 'none',
      pinned: `library/hello@${image.digest}`,
    });
    expect((await fixture.metadata.manifest(hello, image.digest))?.bytes).toEqual(image.bytes);
  });

  it('has the right to blobs that the giver has, and only to those that it names', async () => {
    await using fixture = await CareFixture.open();
    const { sink } = fixture.transfer;
    await giveBlobs(sink, image, newer);
    const [layer] = image.layers;
    const proven = [image.config.digest, newer.config.digest];

    await give(sink, [image], { proven });

    expect(await fixture.metadata.repositoryBlob(hello, image.config.digest)).toMatchObject({
      confirmed: true,
    });
    expect(await fixture.metadata.repositoryBlob(hello, newer.config.digest)).toBeUndefined();
    expect(layer && (await fixture.metadata.repositoryBlob(hello, layer.digest))).toMatchObject({
      confirmed: false,
    });
    expect(await fixture.metadata.manifest(repository('library/other'), image.digest)).toBeUndefined();
  });

  it('is announced to those who remember what is cached', async () => {
    await using fixture = await CareFixture.open();
    const { sink } = fixture.transfer;
    await giveBlobs(sink, image);
    const told: ImageArrival[] = [];
    fixture.space.arrivals.onArrival((arrival) => told.push(arrival));
    await give(sink, [image], { proven: [image.config.digest] });
    expect(told).toEqual([{ repository: hello, tags: [one], blobs: [image.config.digest] }]);
  });
});

describe('the tag of an image that is given', () => {
  it.each<[string, number, boolean, ImageOutcome['tag']]>([
    ['moves off what no registry has confirmed', 0, false, 'moved'],
    ['moves off what its registry has confirmed, where it may', 1000, true, 'moved'],
    ['stays at what its registry has confirmed, where it may not move', 1000, false, 'kept'],
  ])('%s', async (_, checkedAt, replaces, outcome) => {
    await using fixture = await CareFixture.open();
    const { sink } = fixture.transfer;
    await giveBlobs(sink, image, newer);
    await give(sink, [image], { tag: { name: one, checkedAt, replaces: true } });

    const given = await give(sink, [newer], { tag: { name: one, checkedAt: 0, replaces } });

    expect(given.tag).toBe(outcome);
    const expected = outcome === 'kept' ? image : newer;
    expect(await fixture.metadata.tag(hello, one)).toMatchObject({ digest: expected.digest });
  });

  it('stays confirmed when it is given once more', async () => {
    await using fixture = await CareFixture.open();
    const { sink } = fixture.transfer;
    await giveBlobs(sink, image);
    await give(sink, [image], { tag: { name: one, checkedAt: 1000, replaces: true } });
    expect((await give(sink, [image])).tag).toBe('same');
    expect(await fixture.metadata.tag(hello, one)).toEqual({ digest: image.digest, checkedAt: 1000 });
  });

  it('was never confirmed in the future', async () => {
    await using fixture = await CareFixture.open();
    const { sink } = fixture.transfer;
    await giveBlobs(sink, image);
    const checkedAt = fixture.clock.now() + 1_000_000;
    await give(sink, [image], { tag: { name: one, checkedAt, replaces: true } });
    expect(await fixture.metadata.tag(hello, one)).toEqual({
      digest: image.digest,
      checkedAt: fixture.clock.now(),
    });
  });
});

describe('an image is refused, and nothing of it is visible', () => {
  const [layer] = image.layers;
  const damaged = { ...image, bytes: Buffer.concat([image.bytes, Buffer.from(' ')]) };
  const large = content(Buffer.alloc(4 * 1024 * 1024 + 1, 0x20), image.mediaType);
  const listing = content(Buffer.from('{"hello": "world"}'), image.mediaType);

  it('while a blob is missing', async () => {
    await using fixture = await CareFixture.open();
    await expect(give(fixture.transfer.sink, [image], { pin: true })).rejects.toThrow(
      `docker.io/library/hello lacks the blob ${image.config.digest} and ${image.layers.length} more`,
    );
    expect(await fixture.metadata.anyManifest(image.digest)).toBeUndefined();
    expect(await fixture.caretaker.pins()).toEqual([]);
    expect(layer && fixture.space.inUse.has(layer.digest)).toBe(false);
  });

  it.each<[string, readonly [Content, ...Content[]], Partial<GivenImage>, string]>([
    ['damaged', [damaged], {}, `the manifest ${image.digest} is damaged`],
    [
      'larger than a registry takes',
      [large],
      {},
      `the manifest ${large.digest} is larger than 4194304 bytes`,
    ],
    ['no manifest', [listing], {}, `the manifest ${listing.digest} cannot be stored`],
    ['not given', [image], { root: newer.digest }, `the manifest ${newer.digest} of docker.io/library/hello`],
  ])('when its manifest is %s', async (_, manifests, options, message) => {
    await using fixture = await CareFixture.open();
    const { sink } = fixture.transfer;
    await giveBlobs(sink, image);
    await expect(give(sink, manifests, options)).rejects.toMatchObject({
      kind: 'invalid',
      message: expect.stringContaining(message) as string,
    });
    expect(await Array.fromAsync(fixture.caretaker.images())).toEqual([]);
  });

  it('when its registry is not mirrored', async () => {
    await using fixture = await CareFixture.open();
    const { sink } = fixture.transfer;
    await giveBlobs(sink, image);
    const elsewhere = { ...hello, upstream: 'quay.io' as (typeof hello)['upstream'] };
    await expect(give(sink, [image], { repository: elsewhere })).rejects.toMatchObject({
      kind: 'invalid',
      message: 'quay.io is not mirrored here; this mirror serves docker.io, ghcr.io',
    });
  });

  it('when it does not fit into the quota of its repository', async () => {
    await using fixture = await CareFixture.open({
      space: { quotas: [{ match: 'docker.io/library/hello', bytes: 5120 }] },
    });
    const { sink } = fixture.transfer;
    await giveBlobs(sink, image);
    await expect(give(sink, [image])).rejects.toThrow(
      'docker.io/library/hello does not fit into the quota of docker.io/library/hello, 5 KiB',
    );
    expect(await fixture.metadata.anyManifest(image.digest)).toBeUndefined();
  });
});

it('a digest that a giver proves has to be cached', async () => {
  await using fixture = await CareFixture.open();
  const { sink } = fixture.transfer;
  await giveBlobs(sink, image);
  const absent = `sha256:${'0'.repeat(64)}` as Digest;
  expect(await give(sink, [image], { proven: [absent] })).toMatchObject({ tag: 'new' });
  expect(await fixture.metadata.repositoryBlob(hello, absent)).toBeUndefined();
});
