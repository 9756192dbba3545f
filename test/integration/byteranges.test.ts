import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ask } from '../support/ask.ts';
import { receivedParts } from '../support/byteranges.ts';
import { eventually } from '../support/deadline.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { makeImage } from '../support/image.ts';
import { RawClient } from '../support/raw-client.ts';
import { committedBlobs } from '../support/store-folder.ts';
import { TestEntrepot } from '../support/test-entrepot.ts';

const repository = 'library/chunked';
const image = makeImage({ layers: [3_000_000] });
const [layer = image.config] = image.layers;
const { digest, bytes, size } = layer;
/** The name of its file. */
const hex = digest.slice('sha256:'.length);
const path = `/v2/${repository}/blobs/${digest}`;

let hub: FakeHub;
let entrepot: TestEntrepot;

beforeEach(async () => {
  hub = await FakeHub.start({ auth: 'none', cdn: false });
  hub.addImage(repository, 'latest', image);
  entrepot = await TestEntrepot.start({ upstream: hub.url });
  await ask(entrepot.url, `/v2/${repository}/manifests/latest`);
});

afterEach(async () => {
  await entrepot[Symbol.asyncDispose]();
  await hub.close();
});

/** The `Content-Type`, up to the parts, of an answer whose boundary this is. */
function partHead(contentType: string | undefined, start: number, end: number): string {
  const boundary = contentType?.split('boundary=')[1] ?? '';
  return (
    `\r\n--${boundary}\r\nContent-Type: application/octet-stream\r\n` +
    `Content-Range: bytes ${start}-${end - 1}/${size}\r\n\r\n`
  );
}

async function parts(range: string) {
  const answer = await ask(entrepot.url, path, { range });
  expect([answer.status, answer.complete]).toEqual([206, true]);
  const received = receivedParts(answer.headers['content-type'], answer.bytes);
  for (const part of received) expect(part.bytes.equals(bytes.subarray(part.start, part.end))).toBe(true);
  return received.map(({ start, end }) => `${start}-${end - 1}`);
}

describe('several ranges of a blob', () => {
  test.each([
    ['in order', ['0-99', '1000000-1999999', '2999990-2999999']],
    ['from its end to its front', ['2999990-2999999', '1000000-1999999', '0-99']],
  ])('that is not held cost one download, %s', async (_order, ranges) => {
    expect(await parts(`bytes=${ranges.join(',')}`)).toEqual(ranges);
    expect(hub.bytesSent(digest)).toBe(size);
    hub.down();
    expect(await parts(`bytes=${ranges.join(',')}`)).toEqual(ranges);
  });

  test('go out as their bytes arrive, but for the last, which wait until the hash is right', async () => {
    const { promise: until, resolve: goOn } = Promise.withResolvers<void>();
    hub.fault({ on: 'blob', kind: 'hold', match: digest, afterBytes: 1_000_000, until });
    using client = await RawClient.connect(entrepot.url);
    client.request('GET', path, { range: `bytes=500000-599999,${size - 10}-` });
    const head = await client.head();
    const contentType = head.headers['content-type'];
    const first = partHead(contentType, 500_000, 600_000);
    const early = await client.read(first.length + 100_000);
    expect(early.subarray(first.length).equals(bytes.subarray(500_000, 600_000))).toBe(true);
    expect(await committedBlobs(entrepot.folder)).not.toContain(hex);
    goOn();
    const rest = await client.read(Number(head.headers['content-length']) - early.length);
    expect(receivedParts(contentType, Buffer.concat([early, rest]))).toHaveLength(2);
    expect(hub.bytesSent(digest)).toBe(size);
  });

  test('of a blob that turns out wrong are cut before its end goes out', async () => {
    hub.fault({ on: 'blob', kind: 'corrupt', match: digest, atByte: 2_000_000 });
    const answer = await ask(entrepot.url, path, { range: `bytes=0-99,${size - 10}-` });
    expect([answer.status, answer.complete]).toEqual([206, false]);
    const whole = partHead(answer.headers['content-type'], 0, 100).length + 100;
    expect(answer.bytes.length).toBeLessThanOrEqual(
      whole + partHead(answer.headers['content-type'], size - 10, size).length,
    );
  });

  test('are let go of when the client leaves, and the download goes on', async () => {
    const { promise: until, resolve: goOn } = Promise.withResolvers<void>();
    hub.fault({ on: 'blob', kind: 'hold', match: digest, afterBytes: 1_000_000, until });
    using client = await RawClient.connect(entrepot.url);
    client.request('GET', path, { range: `bytes=0-99,${size - 10}-` });
    await client.head();
    client.abort();
    await eventually(60_000, 'the end of the transfer', () => entrepot.log.includes('"unsent":'));
    goOn();
    await eventually(60_000, 'the blob in the store', async () =>
      (await committedBlobs(entrepot.folder)).includes(hex),
    );
    expect(hub.bytesSent(digest)).toBe(size);
  });
});

describe('an update of an image in zstd:chunked', () => {
  const repository = 'library/updated';
  const image = makeImage({ layers: [12_000_000], seed: 12, oci: true });
  const [layer = image.config] = image.layers;
  // The tables of contents lie side by side.
  const tables = ['11900000-11969999', '11970000-11999900'];
  // So do the pieces of every other two.
  const pieces = Array.from({ length: 1023 }, (_, index) => {
    const start = 10_000_000 + Math.floor(index / 2) * 1800 + (index % 2) * 500;
    return `${start}-${start + 499}`;
  });
  const asked = image.size + image.config.size + 99_901 + 1023 * 500;

  /** Sends what skopeo 1.22 and podman 5.8 send. Resolves to the bytes of the answers. */
  async function update(): Promise<number> {
    using client = await RawClient.connect(entrepot.url);
    let moved = 0;
    const get = async (path: string, headers: Readonly<Record<string, string>> = {}) => {
      const userAgent = 'containers/5.39.2 (github.com/containers/image)';
      client.request('GET', path, { 'user-agent': userAgent, ...headers });
      const answer = await client.answer();
      expect(answer.complete).toBe(true);
      moved += JSON.stringify(answer.headers).length + answer.bytes.length;
      return answer;
    };
    await get('/v2/');
    const manifest = await get(`/v2/${repository}/manifests/latest`, { accept: image.mediaType });
    expect(manifest.bytes.equals(image.bytes)).toBe(true);
    const gzip = { 'accept-encoding': 'gzip' };
    const config = await get(`/v2/${repository}/blobs/${image.config.digest}`, gzip);
    expect(config.bytes.equals(image.config.bytes)).toBe(true);
    for (const ranges of [tables, pieces]) {
      const range = `bytes=${ranges.join(',')}`;
      const answer = await get(`/v2/${repository}/blobs/${layer.digest}`, { range });
      const received = receivedParts(answer.headers['content-type'], answer.bytes);
      expect(received.map(({ start, end }) => `${start}-${end - 1}`)).toEqual(ranges);
      expect(received.every((part) => part.bytes.equals(layer.bytes.subarray(part.start, part.end)))).toBe(
        true,
      );
    }
    return moved;
  }

  test('moves what it asks for, cold, hot and while upstream is away', async () => {
    hub.addImage(repository, 'latest', image);
    expect(`bytes=${pieces.join(',')}`.length).toBeGreaterThan(18_400);
    // A part of 500 bytes has a head of 130.
    expect(await update()).toBeLessThan(1.3 * asked);
    expect(await update()).toBeLessThan(1.3 * asked);
    hub.down();
    expect(await update()).toBeLessThan(1.3 * asked);
    expect(hub.bytesSent(layer.digest)).toBe(layer.size);
  });
});
