import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import { eventually, within } from '../../support/deadline.ts';
import { FakeHub } from '../../support/fake-hub.ts';
import { makeImage, noise } from '../../support/image.ts';
import { clientOf, failureOf, readAll, repositoryName, scriptedServer, tagReference } from './harness.ts';

const busybox = repositoryName('library/busybox');
const latest = tagReference('latest');
const bytes = noise(3_000_000, 'blobs');
const digest = digestOf(bytes);

async function hubWithBlob(cdn = false): Promise<FakeHub> {
  const hub = await FakeHub.start({ auth: 'none', cdn });
  hub.addBlob('library/busybox', bytes);
  return hub;
}

describe('openBlob', () => {
  it('streams the bytes and states the size', async () => {
    await using hub = await hubWithBlob();
    await using client = clientOf(hub.url);
    const blob = await client.registry.openBlob(busybox, digest, { offset: 0 });
    expect(blob).toMatchObject({ offset: 0, size: bytes.length });
    expect((await readAll(blob)).equals(bytes)).toBe(true);
    expect(hub.requests[0]?.headers).toMatchObject({
      'accept-encoding': 'identity',
      'user-agent': 'entrepot',
    });
    expect(hub.requests[0]?.headers.range).toBeUndefined();
  });

  it('starts at the offset', async () => {
    await using hub = await hubWithBlob();
    await using client = clientOf(hub.url);
    const blob = await client.registry.openBlob(busybox, digest, { offset: 2_999_999 });
    expect(blob).toMatchObject({ offset: 2_999_999, size: bytes.length });
    expect((await readAll(blob)).equals(bytes.subarray(2_999_999))).toBe(true);
  });

  it('says so when the upstream ignores the range', async () => {
    await using hub = await hubWithBlob();
    await using client = clientOf(hub.url);
    hub.fault({ on: 'blob', kind: 'ignore-range' });
    const blob = await client.registry.openBlob(busybox, digest, { offset: 1000 });
    expect(blob).toMatchObject({ offset: 0, size: bytes.length });
    expect((await readAll(blob)).equals(bytes)).toBe(true);
  });

  it('refuses an offset at the end with range', async () => {
    await using hub = await hubWithBlob();
    await using client = clientOf(hub.url);
    expect((await failureOf(client.registry.openBlob(busybox, digest, { offset: bytes.length }))).kind).toBe(
      'range',
    );
  });

  it.each([-1, 1])('refuses a range that starts %i bytes off', async (shift) => {
    await using hub = await hubWithBlob();
    await using client = clientOf(hub.url);
    hub.fault({ on: 'blob', kind: 'wrong-content-range', shift });
    expect((await failureOf(client.registry.openBlob(busybox, digest, { offset: 1000 }))).kind).toBe(
      'invalid',
    );
  });

  it.each([
    ['without Content-Range', {}],
    ['that is not the whole rest', { 'content-range': 'bytes 5-7/10' }],
    ['that its length contradicts', { 'content-range': 'bytes 5-9/10', 'content-length': '4' }],
    ['of several parts', { 'content-type': 'multipart/byteranges; boundary=x' }],
  ])('refuses a 206 %s', async (_, headers) => {
    await using upstream = await scriptedServer((_request, response) => {
      response.writeHead(206, headers).end('abcd');
    });
    await using client = clientOf(upstream.url);
    expect((await failureOf(client.registry.openBlob(busybox, digest, { offset: 5 }))).kind).toBe('invalid');
  });

  it('refuses a 206 that nobody asked for', async () => {
    await using upstream = await scriptedServer((_, response) => {
      response.writeHead(206, { 'content-range': 'bytes 0-3/4' }).end('abcd');
    });
    await using client = clientOf(upstream.url);
    expect((await failureOf(client.registry.openBlob(busybox, digest, { offset: 0 }))).kind).toBe('invalid');
  });

  it('takes a range whose whole size is unknown', async () => {
    await using upstream = await scriptedServer((_, response) => {
      response.writeHead(206, { 'content-range': 'bytes 5-8/*' }).end('abcd');
    });
    await using client = clientOf(upstream.url);
    const blob = await client.registry.openBlob(busybox, digest, { offset: 5 });
    expect(blob).toMatchObject({ offset: 5, size: undefined });
    expect((await readAll(blob)).toString()).toBe('abcd');
  });

  it('knows no size of a chunked answer', async () => {
    await using hub = await hubWithBlob();
    await using client = clientOf(hub.url);
    hub.fault({ on: 'blob', kind: 'no-content-length' });
    const blob = await client.registry.openBlob(busybox, digest, { offset: 0 });
    expect(blob.size).toBeUndefined();
    expect((await readAll(blob)).equals(bytes)).toBe(true);
  });

  it.each(['gzip', 'zstd', 'identity, gzip'])(
    'takes a body as it comes, also one labelled %s',
    async (encoding) => {
      await using upstream = await scriptedServer((_, response) => {
        response.writeHead(200, { 'content-encoding': encoding }).end('abcd');
      });
      await using client = clientOf(upstream.url);
      expect((await readAll(await client.registry.openBlob(busybox, digest, { offset: 0 }))).toString()).toBe(
        'abcd',
      );
      expect((await failureOf(client.registry.getManifest(busybox, latest))).kind).toBe('invalid');
    },
  );

  it('refuses an encoded body once its bytes were found to be those of another digest', async () => {
    await using upstream = await scriptedServer((_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end('abcd');
    });
    await using client = clientOf(upstream.url);
    const blob = await client.registry.openBlob(busybox, digest, { offset: 0 });
    await readAll(blob);
    blob.mismatched?.();
    const failure = await failureOf(client.registry.openBlob(busybox, digest, { offset: 0 }));
    expect(failure.kind).toBe('invalid');
    expect(failure.message).toContain('an encoded body (gzip) instead of the blob');
  });

  it.each(['content-length', 'chunked'])('reports a cut as unavailable (%s)', async (coding) => {
    await using upstream = await scriptedServer((_, response) => {
      response.writeHead(200, coding === 'chunked' ? {} : { 'content-length': '100' });
      response.write('abcd', () => response.destroy());
    });
    await using client = clientOf(upstream.url);
    const blob = await client.registry.openBlob(busybox, digest, { offset: 0 });
    expect((await failureOf(readAll(blob))).kind).toBe('unavailable');
  });

  it('hands on what came before a cut', async () => {
    await using hub = await hubWithBlob();
    await using client = clientOf(hub.url);
    hub.fault({ on: 'blob', kind: 'cut', afterBytes: 1_000_000 });
    const blob = await client.registry.openBlob(busybox, digest, { offset: 0 });
    let received = 0;
    const read = async (): Promise<void> => {
      for await (const chunk of blob.body) received += chunk.length;
    };
    expect((await failureOf(read())).kind).toBe('unavailable');
    expect(received).toBeGreaterThan(0);
    expect(received).toBeLessThanOrEqual(1_000_000);
  });

  it('reports a body that ends before the Content-Length', async () => {
    await using hub = await hubWithBlob();
    await using client = clientOf(hub.url);
    hub.fault({ on: 'blob', kind: 'wrong-content-length', delta: 10 });
    const blob = await client.registry.openBlob(busybox, digest, { offset: 0 });
    expect((await failureOf(readAll(blob))).kind).toBe('unavailable');
  });

  it('reports a body that stands still as timeout', async () => {
    await using hub = await hubWithBlob();
    await using client = clientOf(hub.url, { timeouts: { idleMs: 200 } });
    hub.fault({ on: 'blob', kind: 'hang-body', afterBytes: 1000 });
    const blob = await client.registry.openBlob(busybox, digest, { offset: 0 });
    expect((await within(60_000, 'the idle timeout', failureOf(readAll(blob)))).kind).toBe('timeout');
  });

  it('does not take a slow reader for a slow upstream', async () => {
    await using hub = await hubWithBlob();
    await using client = clientOf(hub.url, { timeouts: { idleMs: 1000 } });
    const blob = await client.registry.openBlob(busybox, digest, { offset: 0 });
    const chunks: Buffer[] = [];
    for await (const chunk of blob.body) {
      if (chunks.length === 1) await new Promise((resolve) => setTimeout(resolve, 2500));
      chunks.push(Buffer.from(chunk));
    }
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
  });

  it('stops with aborted when the caller gives up in mid-body', async () => {
    await using hub = await hubWithBlob();
    await using client = clientOf(hub.url);
    hub.fault({ on: 'blob', kind: 'hang-body', afterBytes: 1000 });
    const controller = new AbortController();
    const blob = await client.registry.openBlob(busybox, digest, { offset: 0, signal: controller.signal });
    const failure = failureOf(readAll(blob));
    controller.abort();
    expect((await within(60_000, 'the abort', failure)).kind).toBe('aborted');
    await eventually(60_000, 'the connection to close', () => hub.connections === 0);
  });

  it.each([0, 1])('closes the connection when its body is left after %i chunks', async (chunks) => {
    await using hub = await hubWithBlob();
    await using client = clientOf(hub.url);
    hub.fault({ on: 'blob', kind: 'hang-body', afterBytes: 1000 });
    const blob = await client.registry.openBlob(busybox, digest, { offset: 0 });
    const iterator = blob.body[Symbol.asyncIterator]();
    for (let read = 0; read < chunks; read += 1) await iterator.next();
    expect(hub.connections).toBe(1);
    await iterator.return?.();
    await eventually(60_000, 'the connection to close', () => hub.connections === 0);
  });

  it('does not read ahead of its reader without bound', async () => {
    await using hub = await FakeHub.start({ auth: 'none', cdn: false });
    const large = noise(64 * 1024 * 1024, 'large');
    const largeDigest = hub.addBlob('library/busybox', large);
    await using client = clientOf(hub.url);
    const blob = await client.registry.openBlob(busybox, largeDigest, { offset: 0 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(hub.bytesSent(largeDigest)).toBeLessThan(16 * 1024 * 1024);
    let received = 0;
    for await (const chunk of blob.body) received += chunk.length;
    expect(received).toBe(large.length);
  });

  it('tries once: whoever resumes counts the attempts', async () => {
    await using hub = await hubWithBlob();
    await using client = clientOf(hub.url);
    hub.fault({ on: 'blob', kind: 'status', status: 503 });
    expect((await failureOf(client.registry.openBlob(busybox, digest, { offset: 0 }))).kind).toBe(
      'unavailable',
    );
    expect(hub.requests).toHaveLength(1);
  });

  it('gets a new token when the old one is refused', async () => {
    await using hub = await FakeHub.start();
    hub.addBlob('library/busybox', bytes);
    await using client = clientOf(hub.url);
    await readAll(await client.registry.openBlob(busybox, digest, { offset: 0 }));
    hub.expireTokens();
    expect(
      (await readAll(await client.registry.openBlob(busybox, digest, { offset: 10 }))).equals(
        bytes.subarray(10),
      ),
    ).toBe(true);
  });
});

describe('openBlob with an end', () => {
  it('gives exactly what lies before it, from the first byte on too', async () => {
    await using hub = await hubWithBlob();
    await using client = clientOf(hub.url);
    const blob = await client.registry.openBlob(busybox, digest, { offset: 0, end: 1000 });
    expect(blob).toMatchObject({ offset: 0, size: bytes.length, host: new URL(hub.url).host });
    expect((await readAll(blob)).equals(bytes.subarray(0, 1000))).toBe(true);
    expect(hub.requests[0]?.headers.range).toBe('bytes=0-999');
  });

  it('ends where the blob does', async () => {
    await using hub = await hubWithBlob();
    await using client = clientOf(hub.url);
    const blob = await client.registry.openBlob(busybox, digest, { offset: 2_999_990, end: 3_000_010 });
    expect((await readAll(blob)).equals(bytes.subarray(2_999_990))).toBe(true);
  });

  it.each([-1, 1])('refuses a range that starts %i bytes off', async (shift) => {
    await using hub = await hubWithBlob();
    await using client = clientOf(hub.url);
    hub.fault({ on: 'blob', kind: 'wrong-content-range', shift });
    expect((await failureOf(client.registry.openBlob(busybox, digest, { offset: 10, end: 20 }))).kind).toBe(
      'invalid',
    );
  });

  it.each([
    ['ends early', 'bytes 10-17/3000000'],
    ['ends late', 'bytes 10-20/3000000'],
    ['ends before the blob does', 'bytes 10-17/19'],
  ])('refuses a range that %s', async (_, range) => {
    await using upstream = await scriptedServer((_request, response) => {
      response.writeHead(206, { 'content-range': range }).end('12345678');
    });
    await using client = clientOf(upstream.url);
    expect((await failureOf(client.registry.openBlob(busybox, digest, { offset: 10, end: 20 }))).kind).toBe(
      'invalid',
    );
  });

  it('offers no ranges where the upstream ignores them', async () => {
    await using hub = await hubWithBlob();
    await using client = clientOf(hub.url);
    hub.fault({ on: 'blob', kind: 'ignore-range' });
    const blob = await client.registry.openBlob(busybox, digest, { offset: 0, end: 1000 });
    expect(blob).toMatchObject({ offset: 0, size: bytes.length });
    expect(blob.range).toBeUndefined();
    expect((await readAll(blob)).equals(bytes)).toBe(true);
  });
});

describe('other ranges of a blob that was opened', () => {
  it('come from where the first one was redirected to, without any authorization', async () => {
    await using hub = await FakeHub.start();
    hub.addBlob('library/busybox', bytes);
    await using client = clientOf(hub.url);
    const first = await client.registry.openBlob(busybox, digest, { offset: 0, end: 1000 });
    await readAll(first);
    const before = hub.requests.length;

    const second = await first.range?.({ offset: 1000, end: 3000 });

    expect(second === undefined ? undefined : await readAll(second)).toEqual(bytes.subarray(1000, 3000));
    expect(hub.requests.slice(before).map(({ status, headers }) => [status, headers.authorization])).toEqual([
      [206, undefined],
    ]);
  });

  it('come by a new redirect once the last one has expired', async () => {
    await using hub = await FakeHub.start();
    hub.addBlob('library/busybox', bytes);
    await using client = clientOf(hub.url);
    const first = await client.registry.openBlob(busybox, digest, { offset: 0, end: 1000 });
    await readAll(first);
    hub.fault({ on: 'blob', kind: 'expired-url', times: 1 });
    const before = hub.requests.length;

    const second = await first.range?.({ offset: 1000, end: 3000 });

    expect(second === undefined ? undefined : await readAll(second)).toEqual(bytes.subarray(1000, 3000));
    expect(hub.requests.slice(before).map(({ status }) => status)).toEqual([403, 307, 206]);
  });
});

describe('a hundred slow blobs', () => {
  it('do not hold up a HEAD', async () => {
    await using hub = await hubWithBlob();
    const image = makeImage();
    hub.addImage('library/busybox', 'latest', image);
    await using client = clientOf(hub.url);
    hub.fault({ on: 'blob', kind: 'hang-body', afterBytes: 10 });
    const blobs = await Promise.all(
      Array.from({ length: 100 }, () => client.registry.openBlob(busybox, digest, { offset: 0 })),
    );
    const head = await within(60_000, 'the HEAD', client.registry.headManifest(busybox, latest));
    expect(head.digest).toBe(image.digest);
    for (const { body } of blobs) await body[Symbol.asyncIterator]().return?.();
    await eventually(60_000, 'the blob connections to close', () => hub.connections <= 1);
  });
});
