import { describe, expect, test } from 'vitest';
import { ask } from '../support/ask.ts';
import { eventually, within } from '../support/deadline.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { makeImage, type Content } from '../support/image.ts';
import { TestEntrepot } from '../support/test-entrepot.ts';

const KiB = 1024;
const repository = 'library/hello';
const image = makeImage({ layers: Array.from({ length: 6 }, (_, index) => 300 * KiB + index) });
const manifestPath = `/v2/${repository}/manifests/latest`;
const pathOf = ({ digest }: Content): string => `/v2/${repository}/blobs/${digest}`;

/** A layer's first bytes as a client gets them; the rest is left. */
async function firstBytes(url: string): Promise<Uint8Array> {
  const answer = await fetch(url);
  if (answer.body === null) throw new Error('no body');
  const body: AsyncIterable<Uint8Array> = answer.body;
  for await (const bytes of body) return bytes;
  throw new Error('no bytes');
}

describe('a client that takes three layers at a time', () => {
  test('has the first bytes of the fourth waiting when the third ends', async () => {
    await using hub = await FakeHub.start();
    hub.addImage(repository, 'latest', image);
    const { promise, resolve: release } = Promise.withResolvers<void>();
    // Upstream gives the beginning of every layer, and ends none of them.
    hub.fault({ on: 'blob', kind: 'hold', afterBytes: 200 * KiB, until: promise });
    const pullAhead = { enabled: true, parallel: 6 };
    await using entrepot = await TestEntrepot.start({ upstream: hub.url, pullAhead });
    const [, , , fourth = image.config] = image.layers;
    await ask(entrepot.url, manifestPath);
    const inHand = image.layers.slice(0, 3).map((layer) => ask(entrepot.url, pathOf(layer)));
    const asked = (): boolean => hub.requests.some(({ path }) => path.includes(fourth.digest));
    await eventually(60_000, 'the fourth layer to be asked for', asked);
    // From now on upstream begins no answer: what the client gets is what came before it asked.
    hub.fault({ on: 'any', kind: 'hold', until: promise });
    const waiting = await within(60_000, 'its first bytes', firstBytes(entrepot.url + pathOf(fourth)));

    expect(waiting.length).toBeGreaterThan(0);
    expect(Buffer.from(waiting).equals(fourth.bytes.subarray(0, waiting.length))).toBe(true);
    release();
    for (const [index, { bytes }] of (await Promise.all(inHand)).entries())
      expect(bytes.equals(image.layers[index]?.bytes ?? Buffer.alloc(0))).toBe(true);
  });
});

describe('an image that is fetched ahead', () => {
  test('costs the pull of its manifest only, and each blob once', async () => {
    await using hub = await FakeHub.start();
    hub.addImage(repository, 'latest', image);
    const pullAhead = { enabled: true, parallel: 4 };
    await using entrepot = await TestEntrepot.start({ upstream: hub.url, pullAhead });
    await ask(entrepot.url, manifestPath);
    await eventually(60_000, 'the image', () => entrepot.log.includes('"isComplete":true'));

    const blobs = [image.config, ...image.layers];
    const answers = await Promise.all(blobs.map((blob) => ask(entrepot.url, pathOf(blob))));

    expect(answers.every(({ bytes }, index) => bytes.equals(blobs[index]?.bytes ?? Buffer.alloc(0)))).toBe(
      true,
    );
    expect(hub.pulls).toBe(1);
    for (const { digest } of blobs)
      expect(hub.requests.filter(({ path }) => path.includes(`blobs/${digest}`))).toHaveLength(1);
  });

  test('leaves nothing behind when the mirror is stopped in the middle, and is whole after the next start', async () => {
    await using hub = await FakeHub.start();
    hub.addImage(repository, 'latest', image);
    const { promise, resolve: release } = Promise.withResolvers<void>();
    hub.fault({ on: 'blob', kind: 'hold', afterBytes: 200 * KiB, until: promise });
    const pullAhead = { enabled: true, parallel: 2 };
    await using entrepot = await TestEntrepot.start({ upstream: hub.url, pullAhead });
    await ask(entrepot.url, manifestPath);
    const asked = (): number =>
      [image.config, ...image.layers].filter(({ digest }) =>
        hub.requests.some(({ path }) => path.includes(digest)),
      ).length;
    // The config, which is short and comes whole, and two layers.
    await eventually(60_000, 'the first blobs', () => asked() === 3);

    await within(60_000, 'the stop', entrepot.stop());
    await eventually(60_000, 'the end of its connections', () => hub.connections === 0);
    const before = asked();
    release();
    await entrepot.start();
    await ask(entrepot.url, manifestPath);
    await eventually(60_000, 'the image', () => entrepot.log.includes('"isComplete":true'));

    expect(before).toBe(3);
    expect(entrepot.log).not.toContain('"level":50');
  });
});
