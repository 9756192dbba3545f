import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { digestOfContent, Layer, type Content } from '../../../bench/upstream/content.ts';
import { randomImage } from '../../../bench/upstream/image.ts';
import { Pacer } from '../../../bench/upstream/pacer.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { readManifest } from '../../../src/oci/manifest.ts';

const noise = randomBytes(3000);

/** From `start` to the end, so many bytes at a time. */
function readAll(content: Content, limit: number, start = 0): Buffer {
  const pieces: Buffer[] = [];
  for (let position = start; position < content.size;) {
    const piece = content.read(position, limit);
    pieces.push(piece);
    position += piece.length;
  }
  return Buffer.concat(pieces);
}

test('the manifest of a random image names its config and its layers by their real digests', () => {
  const { manifestDigest, contents } = randomImage('image', [10_240, 2048], noise);
  const manifest = contents.get(manifestDigest);
  if (manifest === undefined) throw new Error('no manifest');
  const named = readManifest(readAll(manifest, 2 ** 20)).blobs;
  expect(named.map(({ size }) => size).slice(-2)).toEqual([10_240, 2048]);
  expect([manifestDigest, ...named.map(({ digest }) => digest)]).toEqual([...contents.keys()]);
  for (const [digest, content] of contents) expect(digestOf(readAll(content, 700))).toBe(digest);
});

test('images of the same sizes and different names share no layer', () => {
  const [one, other] = ['one', 'other'].map((name) => randomImage(name, [2048, 2048], noise));
  const all = [...(one?.contents.keys() ?? []), ...(other?.contents.keys() ?? [])];
  expect(new Set(all).size).toBe(8);
});

test('a layer is the same bytes wherever a reading of it begins and however much it takes', () => {
  const layer = new Layer(20 * 512, 'layer', noise);
  const whole = readAll(layer, 2 ** 20);
  expect(whole.length).toBe(20 * 512);
  expect(digestOfContent(layer)).toBe(digestOf(whole));
  for (const start of [0, 1, 511, 512, 3512, 9215, 9216, 10_239])
    expect(readAll(layer, 333, start)).toEqual(whole.subarray(start));
});

test('a layer is a tar archive of one file', () => {
  const header = new Layer(10_240, 'layer-7', noise).read(0, 512);
  expect(header.toString('latin1', 0, 8)).toBe('layer-7\0');
  expect(Number.parseInt(header.toString('latin1', 124, 135), 8)).toBe(10_240 - 3 * 512);
  // POSIX: the sum of all bytes of the header, with spaces in place of the sum.
  const sum = Number.parseInt(header.toString('latin1', 148, 154), 8);
  expect(
    Buffer.from(header)
      .fill(' ', 148, 156)
      .reduce((total, byte) => total + byte, 0),
  ).toBe(sum);
});

test('a layer has no size that a tar archive cannot have', () => {
  expect(() => new Layer(10_000, 'layer', noise)).toThrow(RangeError);
  expect(() => new Layer(1024, 'layer', noise)).toThrow(RangeError);
});

test('senders on a paced link share its speed', async () => {
  const link = new Pacer(1_000_000);
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: 10 }, () => link.carry(15_000)));
  const took = performance.now() - startedAt;
  // 150 kB at 1 MB/s, of which 20 ms may be caught up.
  expect(took).toBeGreaterThan(120);
});
