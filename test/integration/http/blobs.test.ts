import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { registryErrors } from '../../../src/oci/error.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import type { BlobSource } from '../../support/fake-mirror.ts';
import { eventually } from '../../support/deadline.ts';
import { RawClient } from '../../support/raw-client.ts';
import { Serving } from '../../support/serving.ts';

const MiB = 1024 * 1024;

/** A blob of `size` bytes whose reads past `until` do what `then` says. */
function sourceUntil(size: number, until: number, then: () => Promise<number>): BlobSource {
  return {
    size,
    read: (buffer, length, position) => {
      if (position >= until) return then();
      const count = Math.min(length, until - position);
      buffer.fill(7, 0, count);
      return Promise.resolve(count);
    },
  };
}

const never = (): Promise<number> => Promise.withResolvers<number>().promise;

describe('a blob', () => {
  test.each([0, 1, 16 * 1024, 16 * 1024 + 1, 64 * 1024, 512 * 1024, 2 * MiB, 5 * MiB + 5])(
    'of %d bytes arrives byte for byte, and the connection goes on',
    async (size) => {
      await using serving = await Serving.start();
      const bytes = randomBytes(size);
      const digest = serving.mirror.putBlob('box', bytes);
      using client = await RawClient.connect(serving.origin);
      for (let round = 0; round < 2; round += 1) {
        client.request('GET', `/v2/box/blobs/${digest}`);
        const answer = await client.answer();
        expect(answer.status).toBe(200);
        expect(answer.headers['content-length']).toBe(String(size));
        expect(answer.headers['docker-content-digest']).toBe(digest);
        expect(digestOf(answer.bytes)).toBe(digest);
      }
      await eventually(60_000, 'the blob closes', () => serving.mirror.openBlobs === 0);
    },
  );

  test.each([
    ['bytes=1000000-', 1_000_000, 2_000_000],
    ['bytes=0-0', 0, 1],
    ['bytes=500000-1500000', 500_000, 1_500_001],
    ['bytes=-7', 1_999_993, 2_000_000],
  ])('answers %s with just those bytes', async (range, start, end) => {
    await using serving = await Serving.start();
    const bytes = randomBytes(2_000_000);
    const digest = serving.mirror.putBlob('box', bytes);
    using client = await RawClient.connect(serving.origin);
    client.request('GET', `/v2/box/blobs/${digest}`, { range });
    const answer = await client.answer();
    expect(answer.status).toBe(206);
    expect(answer.headers['content-range']).toBe(`bytes ${start}-${end - 1}/2000000`);
    expect(answer.bytes.equals(bytes.subarray(start, end))).toBe(true);
  });

  test('comes whole for a range that makes no sense, and for a range of other content', async () => {
    await using serving = await Serving.start();
    const digest = serving.mirror.putBlob('box', Buffer.alloc(100));
    using client = await RawClient.connect(serving.origin);
    for (const headers of [
      { range: 'nonsense' },
      { range: 'bytes=0-1,nonsense' },
      { range: 'bytes=0-1', 'if-range': '"other"' },
      { range: 'bytes=0-1,5-6', 'if-range': '"other"' },
    ]) {
      client.request('GET', `/v2/box/blobs/${digest}`, headers);
      const answer = await client.answer();
      expect([answer.status, answer.bytes.length]).toStrictEqual([200, 100]);
    }
  });

  test('that is read in dribs and drabs arrives whole', async () => {
    await using serving = await Serving.start();
    const bytes = randomBytes(100_000);
    const digest = digestOf(bytes);
    serving.mirror.putBlobSource('box', digest, {
      size: bytes.length,
      read: async (buffer, length, position) => {
        await new Promise((resolve) => setImmediate(resolve));
        const count = Math.min(length, 1 + (position % 977), bytes.length - position);
        return bytes.copy(buffer, 0, position, position + count);
      },
    });
    using client = await RawClient.connect(serving.origin);
    client.request('GET', `/v2/box/blobs/${digest}`);
    expect(digestOf((await client.answer()).bytes)).toBe(digest);
  });

  test('that cannot be read at all is a proper error on a connection that goes on', async () => {
    await using serving = await Serving.start();
    const digest = digestOf(Buffer.from('gone'));
    const failure = registryErrors.badGateway('upstream sent other bytes');
    serving.mirror.putBlobSource(
      'box',
      digest,
      sourceUntil(100, 0, () => Promise.reject(failure)),
    );
    using client = await RawClient.connect(serving.origin);
    client.request('GET', `/v2/box/blobs/${digest}`);
    const answer = await client.answer();
    expect(answer.status).toBe(502);
    expect(answer.bytes.toString()).toContain('upstream sent other bytes');
    expect(serving.mirror.openBlobs).toBe(0);
    client.request('GET', '/v2/');
    expect((await client.answer()).status).toBe(200);
  });

  test.each([
    ['a read fails', () => Promise.reject(registryErrors.badGateway('cut'))],
    ['it turns out shorter than stated', () => Promise.resolve(0)],
  ])('is cut when %s in mid-body, never ended and never followed by other text', async (_why, then) => {
    await using serving = await Serving.start();
    const digest = digestOf(Buffer.from('half'));
    serving.mirror.putBlobSource('box', digest, sourceUntil(16 * MiB, 8 * MiB, then));
    using client = await RawClient.connect(serving.origin);
    client.request('GET', `/v2/box/blobs/${digest}`);
    const answer = await client.answer();
    expect([answer.status, answer.complete]).toStrictEqual([200, false]);
    expect(answer.bytes.every((byte) => byte === 7)).toBe(true);
    await client.closed();
    await eventually(60_000, 'the blob closes', () => serving.mirror.openBlobs === 0);
    await eventually(60_000, 'the line is logged', () => serving.requests.length === 1);
    expect(serving.requests[0]).toHaveProperty('error');
    expect(serving.requests[0]).not.toHaveProperty('aborted');
  });
});

describe('a client that leaves', () => {
  test.each([
    ['with a reset', (client: RawClient) => client.abort()],
    ['by closing its side', (client: RawClient) => client.halfClose()],
  ])('%s while a read waits has its blob closed at once', async (_how, leave) => {
    await using serving = await Serving.start();
    const digest = digestOf(Buffer.from('slow'));
    serving.mirror.putBlobSource('box', digest, sourceUntil(MiB, 1000, never));
    using client = await RawClient.connect(serving.origin);
    client.request('GET', `/v2/box/blobs/${digest}`);
    const head = await client.head();
    expect(head.status).toBe(200);
    expect((await client.read(1000)).length).toBe(1000);
    leave(client);
    await eventually(60_000, 'the blob closes', () => serving.mirror.openBlobs === 0);
    await eventually(60_000, 'the line is logged', () => serving.requests.length === 1);
    expect(serving.requests[0]).toMatchObject({ status: 200, bytes: 1000, aborted: true });
  });

  // As containerd's parallel fetch does with each of its requests.
  test('with what it wanted of a part is in the log as one that took so much, not as one that broke off', async () => {
    await using serving = await Serving.start();
    const digest = digestOf(Buffer.from('part'));
    serving.mirror.putBlobSource('box', digest, sourceUntil(MiB, 5000, never));
    using client = await RawClient.connect(serving.origin);
    client.request('GET', `/v2/box/blobs/${digest}`, { range: 'bytes=1000-' });
    const head = await client.head();
    expect(head.status).toBe(206);
    await client.read(4000);
    client.abort();
    await eventually(60_000, 'the line is logged', () => serving.requests.length === 1);
    expect(serving.requests[0]).toMatchObject({ level: 30, status: 206, bytes: 4000, unsent: MiB - 5000 });
    expect(serving.requests[0]).not.toHaveProperty('aborted');
    expect(serving.log.lines.filter(({ level }) => Number(level) >= 40)).toStrictEqual([]);
  });

  test('before the first byte has its blob closed at once', async () => {
    await using serving = await Serving.start();
    const digest = digestOf(Buffer.from('slower'));
    serving.mirror.putBlobSource('box', digest, sourceUntil(MiB, 0, never));
    using client = await RawClient.connect(serving.origin);
    client.request('GET', `/v2/box/blobs/${digest}`);
    await eventually(60_000, 'the blob opens', () => serving.mirror.openBlobs === 1);
    client.abort();
    await eventually(60_000, 'the blob closes', () => serving.mirror.openBlobs === 0);
    expect(serving.log.lines.filter(({ level }) => Number(level) >= 40)).toStrictEqual([]);
  });

  test('while its download is stuck in the socket frees the blob', async () => {
    await using serving = await Serving.start();
    const digest = digestOf(Buffer.from('big'));
    serving.mirror.putBlobSource('box', digest, sourceUntil(256 * MiB, 256 * MiB, never));
    using client = await RawClient.connect(serving.origin);
    client.request('GET', `/v2/box/blobs/${digest}`);
    await client.head();
    await new Promise((resolve) => setTimeout(resolve, 50));
    client.abort();
    await eventually(60_000, 'the blob closes', () => serving.mirror.openBlobs === 0);
    expect(serving.requests[0]).toMatchObject({ status: 200, aborted: true });
  });

  test('that was waiting for a manifest is logged as gone, and its answer is dropped', async () => {
    await using serving = await Serving.start();
    const gate = Promise.withResolvers<undefined>();
    serving.mirror.putManifest('box', 'v1', Buffer.from('{}'));
    serving.mirror.gate = gate.promise;
    using client = await RawClient.connect(serving.origin);
    client.request('GET', '/v2/box/manifests/v1');
    await eventually(60_000, 'the mirror is asked', () => serving.mirror.calls.length === 1);
    client.abort();
    await eventually(60_000, 'the line is logged', () => serving.requests.length === 1);
    gate.resolve(undefined);
    await new Promise((resolve) => setImmediate(resolve));
    expect(serving.requests).toMatchObject([{ status: 0, bytes: 0, aborted: true }]);
    expect(serving.log.lines.filter(({ level }) => Number(level) >= 40)).toStrictEqual([]);
  });

  test('does not disturb the others', async () => {
    await using serving = await Serving.start();
    const bytes = randomBytes(8 * MiB);
    const digest = serving.mirror.putBlob('box', bytes);
    const clients = await Promise.all(
      Array.from({ length: 10 }, () => RawClient.connect(serving.origin, { deadlineMs: 60_000 })),
    );
    const hashes = await Promise.all(
      clients.map(async (client, index) => {
        client.request('GET', `/v2/box/blobs/${digest}`);
        const head = await client.head();
        if (index % 2 === 0) {
          client.abort();
          return undefined;
        }
        const { bytes: body } = await client.body(head);
        return createHash('sha256').update(body).digest('hex');
      }),
    );
    for (const client of clients) client[Symbol.dispose]();
    expect(hashes.filter((hash) => hash !== undefined)).toStrictEqual(
      Array.from({ length: 5 }, () => digest.slice('sha256:'.length)),
    );
    await eventually(60_000, 'all blobs close', () => serving.mirror.openBlobs === 0);
  });
});

test('a client that stops reading is cut', async () => {
  await using serving = await Serving.start({ timeouts: { stalled: 200 } });
  const digest = digestOf(Buffer.from('endless'));
  serving.mirror.putBlobSource('box', digest, sourceUntil(256 * MiB, 256 * MiB, never));
  using client = await RawClient.connect(serving.origin);
  client.request('GET', `/v2/box/blobs/${digest}`);
  await client.head();
  await eventually(60_000, 'the blob closes', () => serving.mirror.openBlobs === 0);
  expect(serving.requests).toMatchObject([{ status: 200, aborted: true }]);
});
