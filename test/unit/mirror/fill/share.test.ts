import { expect, it, vi } from 'vitest';
import { eventually } from '../../../support/deadline.ts';
import { makeImage } from '../../../support/image.ts';
import { byTag, MirrorFixture, readAll, target } from '../../../support/mirror-fixture.ts';

const hello = target('library/hello');
const image = makeImage({ layers: [300_000] });
const [layer = image.config] = image.layers;

it('a download that was begun ahead is in the background until a client asks for it', async () => {
  await using fixture = await MirrorFixture.open({ pullAhead: { enabled: true } });
  const { mirror, upstream } = fixture;
  upstream.addManifest('library/hello', image.bytes, 'latest');
  for (const { bytes } of [image.config, layer]) upstream.addBlob('library/hello', bytes);
  const opened = vi.spyOn(upstream, 'openBlob');
  const open = Promise.withResolvers<void>();
  upstream.body = async function* (bytes, offset) {
    await open.promise;
    yield bytes.subarray(offset);
  };
  await mirror.manifest(hello, byTag('latest'), 'GET');
  await eventually(60_000, 'downloads ahead', () => opened.mock.calls.length === 2);
  const shareOf = (wanted: string) => opened.mock.calls.find(([, digest]) => digest === wanted)?.[2].share;
  expect(shareOf(layer.digest)).toMatchObject({ isBackground: true });

  const pulling = mirror.openBlob(hello, layer.digest).then((blob) => readAll(blob));
  await eventually(60_000, 'its promotion', () => shareOf(layer.digest)?.isBackground === false);

  expect(shareOf(image.config.digest)).toMatchObject({ isBackground: true });
  open.resolve();
  expect((await pulling).equals(layer.bytes)).toBe(true);
});

it('a download that a client begins is not in the background', async () => {
  await using fixture = await MirrorFixture.open();
  const { upstream } = fixture;
  upstream.addBlob('library/hello', layer.bytes);
  const opened = vi.spyOn(upstream, 'openBlob');

  await readAll(await fixture.mirror.openBlob(hello, layer.digest));

  expect(opened.mock.calls[0]?.[2].share).toMatchObject({ isBackground: false });
});
