import { describe, expect, it } from 'vitest';
import { UpstreamError } from '../../../../../src/upstream/registry.ts';
import { blobOf, mebibyte, RangesFixture } from './harness.ts';

const bytes = blobOf(64);
const slow = { bytes, connection: 15e6 };
const directMs = bytes.length / 15e3;

describe('a large blob from a host that gives each connection little', () => {
  it('arrives more than five times as fast, every byte once', async () => {
    const fixture = new RangesFixture();
    const host = fixture.host(slow);

    const read = await fixture.read(host, bytes.length);

    expect(read.bytes.equals(bytes)).toBe(true);
    expect(host.sent).toBe(bytes.length);
    expect(directMs / read.ms).toBeGreaterThan(5);
    expect(host.mostConnections).toBe(8);
  });

  it('begins with its first byte', async () => {
    const fixture = new RangesFixture();

    const { firstMs } = await fixture.read(fixture.host({ ...slow, latencyMs: 10 }), bytes.length);

    expect(firstMs).toBeLessThanOrEqual(20);
  });

  it('arrives four times as fast from far away', async () => {
    const fixture = new RangesFixture();

    const { ms } = await fixture.read(fixture.host({ ...slow, latencyMs: 50 }), bytes.length);

    expect(directMs / ms).toBeGreaterThan(4);
  });

  it('starts with what helped the last one', async () => {
    const fixture = new RangesFixture();
    const host = fixture.host(slow);
    const first = await fixture.read(host, bytes.length);

    const second = await fixture.read(host, bytes.length);

    expect(second.ms).toBeLessThan(first.ms - 50);
    expect(host.sent).toBe(2 * bytes.length);
  });

  it('goes on from an offset', async () => {
    const fixture = new RangesFixture();
    const host = fixture.host(slow);

    const read = await fixture.read(host, bytes.length, { offset: 12_345_678 });

    expect(read.bytes.equals(bytes.subarray(12_345_678))).toBe(true);
    expect(host.sent).toBe(bytes.length - 12_345_678);
    expect(host.mostConnections).toBe(8);
  });

  it.each([2, 3, 6])('has no more than %i connections where that is the limit', async (connections) => {
    const fixture = new RangesFixture({ connections });
    const host = fixture.host(slow);

    const read = await fixture.read(host, bytes.length);

    expect(host.mostConnections).toBe(connections);
    expect(directMs / read.ms).toBeGreaterThan(connections * 0.75);
  });

  it('shares the connections to the host with other blobs', async () => {
    const fixture = new RangesFixture();
    const host = fixture.host(slow);

    const reads = [1, 2, 3, 4, 5].map(() => fixture.read(host, bytes.length));

    for (const read of await Promise.all(reads)) expect(read.bytes.equals(bytes)).toBe(true);
    expect(host.sent).toBe(5 * bytes.length);
    expect(host.mostConnections).toBe(8);
  });

  it('has one connection each when there are more blobs than connections', async () => {
    const fixture = new RangesFixture({ connections: 4 });
    const host = fixture.host({ bytes: bytes.subarray(0, 20 * mebibyte), connection: 15e6 });

    const reads = Array.from({ length: 6 }, () => fixture.read(host, 20 * mebibyte));

    await Promise.all(reads);
    expect(host.mostConnections).toBe(6);
    expect(host.sent).toBe(6 * 20 * mebibyte);
  });
});

describe('more connections', () => {
  it('are not kept where they share one link', async () => {
    const fixture = new RangesFixture();
    const host = fixture.host({ bytes, link: 60e6 });

    const read = await fixture.read(host, bytes.length);

    expect(read.bytes.equals(bytes)).toBe(true);
    expect(host.mostConnections).toBe(2);
    expect(read.ms).toBeLessThan((bytes.length / 60e3) * 1.05);
    const before = host.requests.length;
    await fixture.read(host, bytes.length);
    expect(host.requests.slice(before)).toEqual([{ offset: 0, end: undefined }]);
  });

  it('are found out about again after some minutes', async () => {
    const fixture = new RangesFixture();
    await fixture.read(fixture.host({ bytes, link: 60e6 }), bytes.length);
    await fixture.clock.advance(3 * 60_000);

    const host = fixture.host(slow);
    await fixture.read(host, bytes.length);

    expect(host.mostConnections).toBe(8);
  });

  it('are not asked of a host that is fast over one', async () => {
    const fixture = new RangesFixture();
    const large = blobOf(128);
    const host = fixture.host({ bytes: large, connection: 500e6, latencyMs: 1 });

    const read = await fixture.read(host, large.length);

    expect(read.bytes.equals(large)).toBe(true);
    expect(read.ms).toBeLessThan((large.length / 500e3) * 1.05);
    expect(host.mostConnections).toBe(2);
    expect(host.requests.length).toBeLessThan(8);
  });

  it('are let go of once fewer give as much', async () => {
    const fixture = new RangesFixture();
    const large = blobOf(256);
    const host = fixture.host({ bytes: large, connection: 20e6 });
    const reading = fixture.read(host, large.length);
    await fixture.clock.advance(400);
    expect(host.connections).toBe(8);

    // From now on, all connections together have what two had before.
    host.link = 40e6;
    await fixture.clock.advance(4_500);

    expect(host.connections).toBeLessThanOrEqual(4);
    await reading;
    expect(host.sent).toBe(large.length);
  });

  it.each([
    ['of which little is left', bytes.length, { offset: 50 * mebibyte }, {}],
    ['whose size nobody has stated', undefined, {}, {}],
    ['where one connection is configured', bytes.length, {}, { connections: 1 }],
    ['that is small', bytes.length, {}, { minBytes: 65 * mebibyte }],
  ])('are not asked for a blob %s', async (_, size, from, policy) => {
    const fixture = new RangesFixture(policy);
    const host = fixture.host(slow);

    await fixture.read(host, size, from);

    expect(host.requests).toEqual([{ offset: 0, ...from, end: undefined }]);
  });

  it('wait for memory, and the blob does not', async () => {
    const fixture = new RangesFixture({}, 2 * mebibyte);
    const host = fixture.host(slow);

    const read = await fixture.read(host, bytes.length);

    expect(read.bytes.equals(bytes)).toBe(true);
    expect(host.sent).toBe(bytes.length);
    expect(host.mostConnections).toBeLessThanOrEqual(4);
    expect(fixture.budget.left).toBe(2 * mebibyte);
  });
});

describe('a host that gives no ranges', () => {
  it('is asked once, and its whole answer is used', async () => {
    const fixture = new RangesFixture();
    const host = fixture.host(slow);
    host.ignoresRanges = true;

    const read = await fixture.read(host, bytes.length);

    expect(read.bytes.equals(bytes)).toBe(true);
    expect(host.requests).toHaveLength(1);
    await fixture.read(host, bytes.length);
    expect(host.requests[1]).toEqual({ offset: 0, end: undefined });
  });

  it('any more costs nothing but its connections', async () => {
    const fixture = new RangesFixture();
    const host = fixture.host(slow);
    host.answering = (stream, _, nth) => (nth < 3 ? stream : { ...stream, offset: 0, range: undefined });

    const { bytes: got, error } = await fixture.read(host, bytes.length);

    expect(error).toMatchObject({ kind: 'invalid' });
    expect(got.equals(bytes.subarray(0, got.length))).toBe(true);
    expect(host.connections).toBe(0);
    expect(fixture.budget.left).toBe(32 * mebibyte);
  });
});

describe('a range that fails', () => {
  it('is asked for again from where it ended, and nothing comes twice', async () => {
    const fixture = new RangesFixture();
    const host = fixture.host(slow);
    host.cutAfter = (_, nth) => (nth === 9 ? 300_000 : undefined);

    const read = await fixture.read(host, bytes.length);

    expect(read.error).toBeUndefined();
    expect(read.bytes.equals(bytes)).toBe(true);
    expect(host.sent).toBe(bytes.length);
  });

  it('twice ends the stream behind all bytes before it, and everything is let go of', async () => {
    const fixture = new RangesFixture();
    const host = fixture.host(slow);
    let missing = 0;
    host.before = ({ offset, end }, nth) => {
      if (nth === 9) missing = offset;
      if (missing > 0 && offset <= missing && (end ?? 0) > missing)
        throw new UpstreamError('unavailable', 'no answer', { status: 503 });
    };

    const { bytes: got, error } = await fixture.read(host, bytes.length);

    expect(error).toMatchObject({ kind: 'unavailable', status: 503 });
    expect(missing).toBeGreaterThan(0);
    expect(got.equals(bytes.subarray(0, missing))).toBe(true);
    expect(host.connections).toBe(0);
    expect(fixture.budget.left).toBe(32 * mebibyte);
  });

  it('with 429 leaves one connection, for this blob and the next', async () => {
    const fixture = new RangesFixture();
    const host = fixture.host({ ...slow, most: 3 });

    const read = await fixture.read(host, bytes.length);

    expect(read.bytes.equals(bytes)).toBe(true);
    expect(host.sent).toBe(bytes.length);
    const before = host.requests.length;
    await fixture.read(host, bytes.length);
    expect(host.requests.slice(before)).toEqual([{ offset: 0, end: undefined }]);
  });

  it.each([
    ['shorter', -1],
    ['longer', 1],
  ])('since it is %s than stated is not taken for whole', async (_, by) => {
    const fixture = new RangesFixture();
    const host = fixture.host(slow);
    host.longerBy = ({ offset }) => (offset > 4 * mebibyte ? by : 0);

    const { bytes: got, error } = await fixture.read(host, bytes.length);

    // What came before it is right, or the blob is whole by asking for the rest.
    expect(got.equals(bytes.subarray(0, got.length))).toBe(true);
    if (error === undefined) expect(got.length).toBe(bytes.length);
    expect(host.connections).toBe(0);
  });

  it('since the blob is shorter than stated ends the stream where the blob ends', async () => {
    const fixture = new RangesFixture();
    const host = fixture.host(slow);

    const { bytes: got, error } = await fixture.read(host, bytes.length + 5 * mebibyte);

    expect(got.equals(bytes)).toBe(true);
    expect(error).toBeUndefined();
    expect(host.connections).toBe(0);
  });
});

describe('a reader that leaves', () => {
  it('frees all connections and all memory', async () => {
    const fixture = new RangesFixture();
    const host = fixture.host(slow);

    await fixture.read(host, bytes.length, { enough: 20 * mebibyte });

    expect(host.mostConnections).toBe(8);
    expect(host.connections).toBe(0);
    expect(fixture.budget.left).toBe(32 * mebibyte);
  });

  it('by its signal does so too', async () => {
    const fixture = new RangesFixture();
    const host = fixture.host(slow);
    const leaving = new AbortController();

    const reading = fixture.read(host, bytes.length, { signal: leaving.signal });
    await fixture.clock.advance(400);
    expect(host.connections).toBe(8);
    leaving.abort();

    expect((await reading).error).toMatchObject({ kind: 'aborted' });
    await fixture.clock.advance(1);
    expect(host.connections).toBe(0);
    expect(fixture.budget.left).toBe(32 * mebibyte);
  });

  it('before the first byte has held up nobody', async () => {
    const fixture = new RangesFixture();
    const host = fixture.host({ ...slow, latencyMs: 0 });
    const opening = fixture.ranges.opener(host.open)({ offset: 0 }, bytes.length);
    await fixture.clock.advance(1);

    await (await opening).body[Symbol.asyncIterator]().return?.();

    expect(host.connections).toBe(0);
  });
});
