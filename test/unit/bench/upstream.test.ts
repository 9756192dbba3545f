import { expect, test } from 'vitest';
import { randomImage } from '../../../bench/upstream/image.ts';
import { Pacer } from '../../../bench/upstream/pacer.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { readManifest } from '../../../src/oci/manifest.ts';

test('the manifest of a random image names its config and its layers by their real digests', () => {
  const { manifest, manifestDigest, blobs } = randomImage([1000, 20]);
  expect(digestOf(manifest)).toBe(manifestDigest);
  const named = readManifest(manifest).blobs;
  expect(named.map(({ size }) => size).slice(-2)).toEqual([1000, 20]);
  expect(named.map(({ digest }) => digest)).toEqual([...blobs.keys()]);
  for (const [digest, bytes] of blobs) expect(digestOf(bytes)).toBe(digest);
});

test('senders on a paced link share its speed', async () => {
  const link = new Pacer(1_000_000);
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: 10 }, () => link.carry(15_000)));
  const took = performance.now() - startedAt;
  // 150 kB at 1 MB/s, of which 20 ms may be caught up.
  expect(took).toBeGreaterThan(120);
});
