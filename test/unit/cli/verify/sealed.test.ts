import { expect, it, onTestFinished } from 'vitest';
import { parsePlatforms } from '../../../../src/oci/platform.ts';
import { makeAttestedIndex } from '../../../support/attested-index.ts';
import { ExportFixture } from '../../../support/export-fixture.ts';
import { makeImage, type Image } from '../../../support/image.ts';

const image = makeImage();
const attested = makeAttestedIndex(2);
const [amd64, arm64] = attested.platforms as [Image, Image];
const [attestation] = attested.attestations as [Image, Image];

async function cache(): Promise<ExportFixture> {
  const fixture = await ExportFixture.open();
  onTestFinished(() => fixture[Symbol.asyncDispose]());
  await fixture.cache.hold(image);
  await fixture.holdIndex(attested, 'library/multi', '1', [amd64, attestation]);
  return fixture;
}

it('is complete when all that the platforms need is there, others are left aside', async () => {
  const fixture = await cache();
  expect(
    await fixture.verifySealed(['hello', 'multi:1'], { platform: parsePlatforms('linux/amd64') }),
  ).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^2 images complete: hashed 14 manifests and blobs of \d+ KiB\n$/) as string,
    err: '',
  });
});

it('names exactly what is missing: image, platform and digest', async () => {
  const fixture = await cache();
  const { code, out } = await fixture.verifySealed(['hello', 'multi:1', 'absent'], { platform: 'all' });
  expect(code).toBe(1);
  expect(out.split('\n')).toEqual([
    'docker.io/library/absent:latest: is not cached',
    `docker.io/library/multi:1 linux/arm64: manifest ${arm64.digest} is missing`,
    expect.stringMatching(/^docker\.io\/library\/multi:1: attestation sha256:\w{64} is missing$/),
    expect.stringMatching(/^2 of 3 images not complete: .*; to fetch what is missing: entrepot warm$/),
    '',
  ]);
});

it('names what is damaged in each image that needs it, and does not see that by sizes alone', async () => {
  const fixture = await cache();
  await fixture.cache.hold(image, 'library/again', '1');
  const [layer] = image.layers;
  await fixture.cache.damage(layer?.digest ?? image.digest);
  const asked = ['hello', 'again:1'];
  const { code, out } = await fixture.verifySealed(asked);
  expect(code).toBe(1);
  for (const name of ['again:1', 'hello:latest']) {
    expect(out).toContain(`docker.io/library/${name}: layer ${layer?.digest ?? ''} is damaged\n`);
  }
  expect(await fixture.verifySealed(asked, { quick: true })).toMatchObject({ code: 0 });
});

it('sees by sizes what is cut short or gone', async () => {
  const fixture = await cache();
  const [first, second] = image.layers as [Image, Image];
  await fixture.cache.cutShort(first.digest);
  await fixture.cache.lose(second.digest);
  const { code, out } = await fixture.verifySealed(['hello'], { quick: true });
  expect(code).toBe(1);
  expect(out).toContain(`hello:latest: layer ${first.digest} has the wrong size\n`);
  expect(out).toContain(`hello:latest: layer ${second.digest} is missing\n`);
});

it('fails for a platform that an image does not have', async () => {
  const fixture = await cache();
  const { code, out } = await fixture.verifySealed(['multi:1'], {
    platform: parsePlatforms('linux/amd64,linux/s390x'),
  });
  expect([code, out.split('\n')[0]]).toEqual([
    1,
    'docker.io/library/multi:1 linux/s390x: has no image for this platform',
  ]);
});

it('prints JSON', async () => {
  const fixture = await cache();
  const { out } = await fixture.verifySealed(['absent'], { json: true });
  expect(
    out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual([
    {
      type: 'finding',
      finding: {
        image: 'docker.io/library/absent:latest',
        platform: null,
        digest: null,
        what: 'image',
        fault: 'absent',
      },
    },
    { type: 'report', report: { images: 1, sealed: 0, parts: 0, bytes: 0 } },
  ]);
});

it('refuses what is no image', async () => {
  const fixture = await cache();
  expect(await fixture.verifySealed(['No Image'])).toMatchObject({ code: 2, out: '' });
});
