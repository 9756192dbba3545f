import { randomBytes } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { registryErrors } from '../../../src/oci/error.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { receivedParts } from '../../support/byteranges.ts';
import { eventually } from '../../support/deadline.ts';
import type { BlobSource } from '../../support/fake-mirror.ts';
import { RawClient } from '../../support/raw-client.ts';
import { Serving } from '../../support/serving.ts';

const MiB = 1024 * 1024;
const size = 2_000_000;
const bytes = randomBytes(size);
const digest = digestOf(bytes);
const path = `/v2/box/blobs/${digest}`;

async function withBlob(answerCache = false): Promise<Serving> {
  const serving = await Serving.start({ answerCache });
  serving.mirror.putBlob('box', bytes);
  return serving;
}

/** The blob, whose bytes from `until` on are there when `then` resolves. */
function sourceUntil(until: number, then: () => Promise<unknown>): BlobSource {
  return {
    size,
    read: async (buffer, length, position) => {
      if (position >= until) await then();
      return bytes.copy(buffer, 0, position, position + length);
    },
  };
}

describe('several ranges in one header', () => {
  test.each([
    [
      'bytes=0-0,1999999-1999999',
      [
        [0, 1],
        [1_999_999, 2_000_000],
      ],
    ],
    [
      'bytes=100-199,200-299',
      [
        [100, 200],
        [200, 300],
      ],
    ],
    ['bytes=1500000-,-2000000', [[0, 2_000_000]]],
    [
      'bytes=500000-1700000, 10-19',
      [
        [500_000, 1_700_001],
        [10, 20],
      ],
    ],
    [
      'bytes=30-39,0-9,35-45',
      [
        [30, 46],
        [0, 10],
      ],
    ],
    [
      'bytes=5-6,3000000-,-7',
      [
        [5, 7],
        [1_999_993, 2_000_000],
      ],
    ],
  ])(
    '%s has each of its stretches as a part, in the order in which they were asked for',
    async (range, spans) => {
      await using serving = await withBlob();
      using client = await RawClient.connect(serving.origin);
      for (let round = 0; round < 2; round += 1) {
        client.request('GET', path, { range });
        const answer = await client.answer();
        expect([answer.status, answer.complete]).toEqual([206, true]);
        expect(answer.headers).toMatchObject({ 'accept-ranges': 'bytes', 'docker-content-digest': digest });
        const expected = spans.map(([start = 0, end = 0]) => ({
          start,
          end,
          size,
          bytes: bytes.subarray(start, end),
        }));
        if (expected.length === 1) {
          expect(answer.headers['content-range']).toBe('bytes 0-1999999/2000000');
          expect(answer.bytes.equals(bytes)).toBe(true);
        } else {
          expect(answer.headers['content-range']).toBeUndefined();
          const parts = receivedParts(answer.headers['content-type'], answer.bytes);
          expect(parts.map((part) => [part.start, part.end, part.size])).toEqual(
            expected.map((part) => [part.start, part.end, part.size]),
          );
          for (const [index, part] of parts.entries()) {
            expect(part.bytes.equals(expected[index]?.bytes ?? Buffer.alloc(0))).toBe(true);
          }
        }
        await eventually(60_000, 'the line is logged', () => serving.requests.length === round + 1);
        expect(serving.requests[round]).toMatchObject({ status: 206, bytes: answer.bytes.length });
      }
      expect(serving.mirror.openBlobs).toBe(0);
    },
  );

  test('of which one can be satisfied are answered as that one', async () => {
    await using serving = await withBlob();
    using client = await RawClient.connect(serving.origin);
    client.request('GET', path, { range: 'bytes=2000000-,7-9' });
    const answer = await client.answer();
    expect(answer).toMatchObject({
      status: 206,
      headers: { 'content-range': 'bytes 7-9/2000000', 'content-type': 'application/octet-stream' },
    });
    expect(answer.bytes.equals(bytes.subarray(7, 10))).toBe(true);
  });

  test('of which none can be satisfied are refused with the size', async () => {
    await using serving = await withBlob();
    using client = await RawClient.connect(serving.origin);
    client.request('GET', path, { range: 'bytes=2000000-,-0' });
    const answer = await client.answer();
    expect([answer.status, answer.headers['content-range']]).toEqual([416, 'bytes */2000000']);
    expect(serving.mirror.openBlobs).toBe(0);
  });

  test('mean nothing to HEAD, and apply only to the content that If-Range names', async () => {
    await using serving = await withBlob();
    using client = await RawClient.connect(serving.origin);
    const range = 'bytes=0-1,5-6';
    client.request('HEAD', path, { range });
    expect(await client.answer()).toMatchObject({ status: 200, headers: { 'content-length': String(size) } });
    client.request('GET', path, { range, 'if-range': '"other"' });
    expect((await client.answer()).status).toBe(200);
    client.request('GET', path, { range, 'if-range': `"${digest}"` });
    expect((await client.answer()).headers['content-type']).toMatch(/^multipart\/byteranges;/);
  });

  // As skopeo 1.22 asks for what an image in zstd:chunked lacks: up to 1,023 ranges, 18,400 bytes of them.
  test('may be more than a thousand', async () => {
    await using serving = await withBlob();
    const spans = Array.from(
      { length: 2048 },
      (_, index) => [index * 970, index * 970 + 1 + (index % 900)] as const,
    );
    const range = `bytes=${spans.map(([start, end]) => `${start}-${end - 1}`).join(',')}`;
    expect(range.length).toBeGreaterThan(18_400);
    using client = await RawClient.connect(serving.origin);
    client.request('GET', path, { range });
    const answer = await client.answer();
    const parts = receivedParts(answer.headers['content-type'], answer.bytes);
    expect(parts.map(({ start, end }) => [start, end])).toEqual(spans);
    expect(parts.every((part) => part.bytes.equals(bytes.subarray(part.start, part.end)))).toBe(true);
  });

  test('are apart by what nobody can foresee', async () => {
    await using serving = await withBlob(true);
    using client = await RawClient.connect(serving.origin);
    const types = new Set<string | undefined>();
    for (let round = 0; round < 5; round += 1) {
      client.request('GET', path, { range: 'bytes=0-1,5-6' });
      const { headers } = await client.answer();
      types.add(headers['content-type']);
    }
    expect(types.size).toBe(5);
  });

  test('of a small blob do not get in the way of its answer from memory', async () => {
    await using serving = await Serving.start({ answerCache: true });
    const small = serving.mirror.putBlob('box', bytes.subarray(0, 1000));
    using client = await RawClient.connect(serving.origin);
    for (let round = 0; round < 4; round += 1) {
      client.request('GET', `/v2/box/blobs/${small}`);
      expect((await client.answer()).bytes.equals(bytes.subarray(0, 1000))).toBe(true);
      client.request('GET', `/v2/box/blobs/${small}`, { range: 'bytes=0-1,5-6' });
      const answer = await client.answer();
      expect(receivedParts(answer.headers['content-type'], answer.bytes)).toHaveLength(2);
    }
  });
});

describe('the parts of an answer', () => {
  test('go out as their bytes come', async () => {
    await using serving = await Serving.start();
    const come = Promise.withResolvers<undefined>();
    serving.mirror.result = 'miss';
    serving.mirror.putBlobSource(
      'box',
      digest,
      sourceUntil(1_000_000, () => come.promise),
    );
    using client = await RawClient.connect(serving.origin);
    client.request('GET', path, { range: 'bytes=10-19,999990-1000009' });
    const head = await client.head();
    const boundary = head.headers['content-type']?.split('boundary=')[1] ?? '';
    const first =
      `\r\n--${boundary}\r\nContent-Type: application/octet-stream\r\n` +
      `Content-Range: bytes 10-19/2000000\r\n\r\n`;
    const early = await client.read(first.length + 10);
    expect(early.toString('latin1', 0, first.length)).toBe(first);
    expect(early.subarray(first.length).equals(bytes.subarray(10, 20))).toBe(true);
    come.resolve(undefined);
    const rest = await client.read(Number(head.headers['content-length']) - early.length);
    const parts = receivedParts(head.headers['content-type'], Buffer.concat([early, rest]));
    expect(parts[1]?.bytes.equals(bytes.subarray(999_990, 1_000_010))).toBe(true);
  });

  test.each([
    ['the first', 0, 502],
    ['a later one', 1_000_000, 206],
  ])(
    'of which %s cannot be read are an error before the first byte, and a cut after it',
    async (_which, until, status) => {
      await using serving = await Serving.start();
      const failure = registryErrors.badGateway('upstream sent other bytes');
      serving.mirror.putBlobSource(
        'box',
        digest,
        sourceUntil(until, () => turn().then(() => Promise.reject(failure))),
      );
      using client = await RawClient.connect(serving.origin);
      client.request('GET', path, { range: 'bytes=10-19,1000000-1000009' });
      const answer = await client.answer();
      expect([answer.status, answer.complete]).toEqual([status, status === 502]);
      await eventually(60_000, 'the blob closes', () => serving.mirror.openBlobs === 0);
      await eventually(60_000, 'the line is logged', () => serving.requests.length === 1);
      expect(serving.requests[0]).toHaveProperty('error');
    },
  );

  test('are let go of when the client leaves between two of them', async () => {
    await using serving = await Serving.start();
    const never = Promise.withResolvers<undefined>().promise;
    serving.mirror.putBlobSource(
      'box',
      digest,
      sourceUntil(1_000_000, () => never),
    );
    using client = await RawClient.connect(serving.origin);
    client.request('GET', path, { range: 'bytes=10-19,1000000-1000009' });
    await client.head();
    client.abort();
    await eventually(60_000, 'the blob closes', () => serving.mirror.openBlobs === 0);
    await eventually(60_000, 'the line is logged', () => serving.requests.length === 1);
    const { status, unsent } = serving.requests[0] ?? {};
    expect(status).toBe(206);
    // The second part's ten bytes, and the line that ends the answer.
    expect(unsent).toBeGreaterThan(10);
  });

  test('may be large, and are sent out of what is in memory where that has them', async () => {
    await using serving = await Serving.start();
    const lent: number[] = [];
    let released = 0;
    serving.mirror.putBlobSource('box', digest, {
      size,
      read: (buffer, length, position) => Promise.resolve(bytes.copy(buffer, 0, position, position + length)),
      borrow: (length, position) => {
        if (lent.length % 2 === 1) {
          lent.push(0);
          return undefined;
        }
        lent.push(length);
        const piece = bytes.subarray(position, position + Math.min(length, MiB / 4));
        return { bytes: piece, release: () => void (released += 1) };
      },
    });
    using client = await RawClient.connect(serving.origin);
    client.request('GET', path, { range: 'bytes=1-900000,1000000-1999998' });
    const answer = await client.answer();
    const parts = receivedParts(answer.headers['content-type'], answer.bytes);
    expect(parts.every((part) => part.bytes.equals(bytes.subarray(part.start, part.end)))).toBe(true);
    await eventually(60_000, 'the blob closes', () => serving.mirror.openBlobs === 0);
    expect(released).toBe(lent.filter((length) => length > 0).length);
  });
});
