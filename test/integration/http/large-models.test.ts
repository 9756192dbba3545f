import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { digestOf, type Digest } from '../../../src/oci/digest.ts';
import { eventually } from '../../support/deadline.ts';
import { RawClient } from '../../support/raw-client.ts';
import { Serving } from '../../support/serving.ts';

const KiB = 1024;
const GiB = 1024 ** 3;
const ollama = { 'user-agent': 'ollama/0.12.11 (amd64 linux) Go/go1.26.0' };

/** 40 GB whose bytes tell where they stand: each eight of them are their position. */
function putHuge(serving: Serving): { readonly digest: Digest; readonly size: number } {
  const size = 40 * GiB;
  const digest = digestOf(Buffer.from('40 GiB'));
  const read = (buffer: Uint8Array, length: number, position: number): Promise<number> => {
    Buffer.from(buffer.buffer, buffer.byteOffset, length).set(positions(position, length));
    return Promise.resolve(length);
  };
  serving.mirror.putBlobSource('box', digest, { size, read });
  return { digest, size };
}

function positions(start: number, length: number): Buffer {
  const first = start - (start % 8);
  const bytes = Buffer.alloc(length + 16);
  for (let at = 0; at < bytes.length; at += 8) bytes.writeBigUInt64BE(BigInt(first + at), at);
  return bytes.subarray(start - first, start - first + length);
}

describe('a blob of 40 GiB', () => {
  test.each([2 ** 31 - 3, 2 ** 32 - 3, 2 ** 32 + 5, 39 * GiB])('is read at byte %d', async (start) => {
    await using serving = await Serving.start();
    const { digest, size } = putHuge(serving);
    using client = await RawClient.connect(serving.origin);
    client.request('GET', `/v2/box/blobs/${digest}`, { range: `bytes=${start}-${start + 100 * KiB - 1}` });
    const answer = await client.answer();

    expect(answer.headers['content-range']).toBe(`bytes ${start}-${start + 100 * KiB - 1}/${size}`);
    expect(answer.bytes.equals(positions(start, 100 * KiB))).toBe(true);
  });

  test('is closed when a client drops it after the head, which is no abortion for one that looks for its place', async () => {
    await using serving = await Serving.start();
    const { digest, size } = putHuge(serving);
    for (const headers of [ollama, {}]) {
      using client = await RawClient.connect(serving.origin);
      client.request('GET', `/v2/box/blobs/${digest}`, headers);
      expect((await client.head()).headers['content-length']).toBe(String(size));
      client.abort();
      await eventually(60_000, 'the end of the blob', () => serving.mirror.openBlobs === 0);
    }
    await eventually(60_000, 'both lines of the log', () => serving.requests.length === 2);

    expect(serving.requests.map(({ status, aborted }) => [status, aborted])).toEqual([
      [200, undefined],
      [200, true],
    ]);
  });
});

describe('Location', () => {
  // A small one is joined with its head, and is answered from memory the second time.
  test.each([100, 100 * KiB])('in a whole answer of %d bytes is for Ollama alone', async (size) => {
    await using serving = await Serving.start({ answerCache: true });
    const digest = serving.mirror.putBlob('library/llama3.2', randomBytes(size));
    const path = `/v2/library/llama3.2/blobs/${digest}`;
    using client = await RawClient.connect(serving.origin);
    const located = async (
      headers: Readonly<Record<string, string>>,
      at = path,
    ): Promise<string | undefined> => {
      client.request('GET', at, headers);
      return (await client.answer()).headers['location'];
    };

    expect(await located(ollama)).toBe(path);
    expect(await located(ollama)).toBe(path);
    expect(await located(ollama, `${path}?ns=registry.ollama.ai`)).toBe(`${path}?ns=registry.ollama.ai`);
    expect(await located({ ...ollama, range: 'bytes=0-9' })).toBeUndefined();
    expect(await located({ 'user-agent': 'Go-http-client/1.1' })).toBeUndefined();
    expect(await located({ 'user-agent': 'docker/29.0.0 go/go1.26.0 (ollama/0.1)' })).toBeUndefined();
    expect(await located({})).toBeUndefined();
  });
});
