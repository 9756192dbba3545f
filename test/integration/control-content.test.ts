import { describe, expect, it } from 'vitest';
import type { ByteSource, ImageSource } from '../../src/cache/transfer/image-source.ts';
import type { ImageContents } from '../../src/cache/transfer/schemas.ts';
import { ControlClient } from '../../src/control/control-client.ts';
import { remoteImageSource } from '../../src/control/remote-image-source.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { ControlFixture } from '../support/control-fixture.ts';
import { eventually, within } from '../support/deadline.ts';
import { content, makeImage, noise } from '../support/image.ts';

const bytes = noise(5_000_000, 'content');
const digest = digestOf(bytes);

function sourceOf({ folder, services }: ControlFixture): ImageSource {
  services.transfer.source.contents.set(digest, bytes);
  return remoteImageSource(new ControlClient(folder.path));
}

async function rest(source: ByteSource | undefined, step: number): Promise<Buffer> {
  if (source === undefined) throw new Error('it is not there');
  await using open = source;
  const parts: Buffer[] = [];
  for (;;) {
    const buffer = Buffer.alloc(step);
    const read = await within(60_000, 'some bytes', open.read(buffer));
    if (read === 0) return Buffer.concat(parts);
    parts.push(buffer.subarray(0, read));
  }
}

describe('content of a running server', () => {
  it.each([0, 1, 4_999_999, 5_000_000])('is read from byte %d on', async (offset) => {
    await using fixture = await ControlFixture.open();
    const source = await sourceOf(fixture).open(digest, offset);
    expect(source?.size).toBe(bytes.length);
    const read = await rest(source, 300_000);
    expect(read.equals(bytes.subarray(offset))).toBe(true);
    await eventually(60_000, 'the end of its reader', () => fixture.services.transfer.source.inUse === 0);
  });

  it('may be absent, or shorter than thought', async () => {
    await using fixture = await ControlFixture.open();
    const source = sourceOf(fixture);
    expect(await source.open(makeImage().digest)).toBeUndefined();
    await expect(source.open(digest, 5_000_001)).rejects.toMatchObject({
      kind: 'invalid',
      message: 'the content has only 5000000 bytes',
    });
  });

  it('that cannot be read to its end is no shorter content, and the reason is in the log', async () => {
    await using fixture = await ControlFixture.open();
    const source = sourceOf(fixture);
    fixture.services.transfer.source.readable = 3_000_000;
    await expect(rest(await source.open(digest), 100_000)).rejects.toMatchObject({ kind: 'unavailable' });
    await eventually(60_000, 'a line in the log', () => fixture.log.includes('the disk is broken'));
  });

  it('is left alone once its reader is gone', async () => {
    await using fixture = await ControlFixture.open();
    const source = await sourceOf(fixture).open(digest);
    await source?.read(Buffer.alloc(10));
    expect(fixture.services.transfer.source.inUse).toBe(1);
    await source?.[Symbol.asyncDispose]();
    await eventually(60_000, 'the end of its reader', () => fixture.services.transfer.source.inUse === 0);
  });

  it('is cut off when the server stops', async () => {
    await using fixture = await ControlFixture.open();
    const source = await sourceOf(fixture).open(digest);
    await source?.read(Buffer.alloc(10));
    const reading = rest(source, 100_000);
    await Promise.all([fixture.close(), reading.catch(() => undefined)]);
    expect(fixture.services.transfer.source.inUse).toBe(0);
  });
});

it('images of a running server may have very many layers', async () => {
  await using fixture = await ControlFixture.open();
  const { config } = makeImage();
  const layers = Array.from({ length: 10_000 }, (_, index) => ({
    ...content(Buffer.from(String(index)), config.mediaType),
    kind: 'layer' as const,
    foreign: false,
    stored: null,
  }));
  const manifests = [{ ...config, kind: 'image', platform: null, cached: true, blobs: layers }] as const;
  const image = {
    image: 'docker.io/library/huge:1',
    upstream: 'docker.io',
    repository: 'library/huge',
    tag: '1',
    subject: null,
    pinned: false,
    whole: true,
    lacking: [],
    manifests,
  } as unknown as ImageContents;
  fixture.services.transfer.source.items = [image, null];
  const request = { images: [{ image: 'huge:1', platforms: 'all' }], referrers: true };
  const [first, second] = await Array.fromAsync(sourceOf(fixture).images(request));
  expect(second).toBeNull();
  expect(first).toMatchObject({ image: image.image, manifests: [{ blobs: { length: 10_000 } }] });
  expect(fixture.services.transfer.source.requests).toEqual([request]);
});
