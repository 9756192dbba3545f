import { describe, expect, it } from 'vitest';
import { UpstreamError, type UpstreamErrorKind } from '../../../src/upstream/registry.ts';
import { makeImage, noise } from '../../support/image.ts';
import { inTime } from '../../support/in-time.ts';
import { byTag, MirrorFixture, readAll, target } from '../../support/mirror-fixture.ts';
import { wholeBody } from '../../support/scripted-upstream.ts';

const hello = target('library/hello');
const large = noise(500_000, 'large');

const refusals: readonly { readonly kind: UpstreamErrorKind; readonly status: number }[] = [
  { kind: 'denied', status: 403 },
  { kind: 'not-found', status: 404 },
  { kind: 'range', status: 416 },
  { kind: 'invalid', status: 405 },
  // From the place that the registry redirects to.
  { kind: 'unavailable', status: 403 },
  { kind: 'unavailable', status: 500 },
  { kind: 'unavailable', status: 503 },
];

/** Every request for a part is refused. */
function refuseRanges(fixture: MirrorFixture, { kind, status }: (typeof refusals)[number]): void {
  const honest = fixture.upstream.openBlob.bind(fixture.upstream);
  fixture.upstream.openBlob = async (name, digest, range) => {
    const { offset } = range;
    if (offset > 0 || range.end !== undefined) throw new UpstreamError(kind, 'no ranges', { status });
    return honest(name, digest, range);
  };
}

/** A blob's beginning, and then a cut. */
function cutAfter(length: number) {
  return async function* (bytes: Buffer, offset: number): AsyncGenerator<Buffer> {
    yield* wholeBody(bytes.subarray(0, length), offset);
    await Promise.resolve();
    throw new UpstreamError('unavailable', 'the connection was reset');
  };
}

describe.each(refusals)('a layer that was cut, when every Range is answered $status ($kind)', (refusal) => {
  it('comes as a whole once more, which its reader does not notice', async () => {
    await using fixture = await MirrorFixture.open();
    const digest = fixture.upstream.addBlob('library/hello', large);
    refuseRanges(fixture, refusal);
    let attempts = 0;
    fixture.upstream.body = (bytes, offset) => {
      attempts += 1;
      return attempts === 1 ? cutAfter(200_000)(bytes, offset) : wholeBody(bytes, offset);
    };

    const blob = await fixture.mirror.openBlob(hello, digest);

    expect(blob.size).toBe(large.length);
    expect((await inTime(fixture.clock, readAll(blob))).equals(large)).toBe(true);
    expect(attempts).toBe(2);
  });

  it('is asked for whole by the next run, which so never hangs on to what it has', async () => {
    await using fixture = await MirrorFixture.open();
    const digest = fixture.upstream.addBlob('library/hello', large);
    fixture.upstream.body = async function* (bytes, offset) {
      yield* wholeBody(bytes.subarray(0, 200_000), offset);
      await new Promise((_, reject) => setTimeout(reject, 50, new UpstreamError('aborted', 'aborted')));
    };
    const blob = await fixture.mirror.openBlob(hello, digest);
    await blob.read(Buffer.alloc(10), 10, 100_000);
    await blob.close();
    await fixture.restart();
    expect(await Array.fromAsync(fixture.content.listPartial())).toHaveLength(1);
    fixture.upstream.body = wholeBody;
    refuseRanges(fixture, refusal);

    const answer = await inTime(
      fixture.clock,
      fixture.mirror.openBlob(hello, digest).then((opened) => readAll(opened)),
    );

    expect(answer.equals(large)).toBe(true);
    await fixture.settled();
    expect(await Array.fromAsync(fixture.content.listPartial())).toEqual([]);
  });

  it('that comes in ranges as a rule comes whole', async () => {
    const image = makeImage({ layers: [20_000_000] });
    const [layer = image.config] = image.layers;
    await using fixture = await MirrorFixture.open();
    fixture.upstream.addManifest('library/hello', image.bytes, 'latest');
    const digest = fixture.upstream.addBlob('library/hello', layer.bytes);
    await fixture.mirror.manifest(hello, byTag('latest'), 'GET');
    const honest = fixture.upstream.openBlob.bind(fixture.upstream);
    let ranges = 0;
    fixture.upstream.openBlob = async (name, blob, range) => {
      const { offset } = range;
      const stream = await honest(name, blob, range);
      const isRange = offset > 0 || range.end !== undefined;
      if (isRange) ranges += 1;
      if (isRange && ranges > 1)
        throw new UpstreamError(refusal.kind, 'no ranges', { status: refusal.status });
      return stream;
    };

    const answer = await inTime(
      fixture.clock,
      fixture.mirror.openBlob(hello, digest).then((opened) => readAll(opened)),
    );

    expect(answer.equals(layer.bytes)).toBe(true);
    expect(ranges).toBeGreaterThan(1);
  });

  it('that is never given in ranges comes whole from its first byte on', async () => {
    const image = makeImage({ layers: [20_000_000] });
    const [layer = image.config] = image.layers;
    await using fixture = await MirrorFixture.open();
    fixture.upstream.addManifest('library/hello', image.bytes, 'latest');
    const digest = fixture.upstream.addBlob('library/hello', layer.bytes);
    await fixture.mirror.manifest(hello, byTag('latest'), 'GET');
    refuseRanges(fixture, refusal);

    const answer = await inTime(
      fixture.clock,
      fixture.mirror.openBlob(hello, digest).then((opened) => readAll(opened)),
    );

    expect(answer.equals(layer.bytes)).toBe(true);
  });
});

describe('a layer that is cut each time, and of which no ranges are given', () => {
  it('arrives as long as each attempt brings something new', async () => {
    await using fixture = await MirrorFixture.open();
    const digest = fixture.upstream.addBlob('library/hello', large);
    refuseRanges(fixture, { kind: 'denied', status: 403 });
    let attempts = 0;
    fixture.upstream.body = (bytes, offset) => {
      attempts += 1;
      return cutAfter(attempts * 30_000)(bytes, offset);
    };

    const answer = await inTime(
      fixture.clock,
      fixture.mirror.openBlob(hello, digest).then((opened) => readAll(opened)),
    );

    expect(answer.equals(large)).toBe(true);
    expect(attempts).toBe(17);
  });

  it('is given up when none does', async () => {
    await using fixture = await MirrorFixture.open();
    const digest = fixture.upstream.addBlob('library/hello', large);
    refuseRanges(fixture, { kind: 'denied', status: 403 });
    fixture.upstream.body = cutAfter(200_000);

    const failing = inTime(
      fixture.clock,
      fixture.mirror.openBlob(hello, digest).then((opened) => readAll(opened)),
    );

    await expect(failing).rejects.toMatchObject({ status: 503 });
  });
});

describe('a layer that a second repository is said to have, and has not', () => {
  it.each(refusals)(
    'comes as a whole by the first, when every Range is answered $status ($kind)',
    async (refusal) => {
      const image = makeImage({ layers: [500_000] });
      const [layer = image.config] = image.layers;
      const other = target('library/other');
      await using fixture = await MirrorFixture.open();
      fixture.upstream.addManifest('library/other', image.bytes, 'latest');
      const digest = fixture.upstream.addBlob('library/hello', layer.bytes);
      await fixture.mirror.manifest(other, byTag('latest'), 'GET');
      refuseRanges(fixture, refusal);
      const { promise: joining, resolve: joined } = Promise.withResolvers<void>();
      let attempts = 0;
      fixture.upstream.body = async function* (bytes, offset) {
        attempts += 1;
        yield* wholeBody(attempts === 1 ? bytes.subarray(0, 200_000) : bytes, offset);
        if (attempts > 1) return;
        await joining;
        throw new UpstreamError('unavailable', 'the connection was reset');
      };

      const blob = await fixture.mirror.openBlob(hello, digest);
      const second = await fixture.mirror.openBlob(other, digest);
      joined();

      expect((await inTime(fixture.clock, readAll(blob))).equals(layer.bytes)).toBe(true);
      expect((await readAll(second)).equals(layer.bytes)).toBe(true);
    },
  );
});

describe('a layer that comes once more', () => {
  async function withPartial(fixture: MirrorFixture, partial: Buffer): Promise<void> {
    const digest = fixture.upstream.addBlob('library/hello', large);
    const ingest = await fixture.content.ingest(digest);
    await ingest.write([partial]);
    await ingest.close();
  }

  it('and is other than what an earlier run has left is begun anew, and nobody notices', async () => {
    await using fixture = await MirrorFixture.open();
    const other = noise(200_000, 'other');
    await withPartial(fixture, other);
    const digest = fixture.upstream.addBlob('library/hello', large);
    refuseRanges(fixture, { kind: 'range', status: 416 });

    const blob = await inTime(fixture.clock, fixture.mirror.openBlob(hello, digest));

    expect((await inTime(fixture.clock, readAll(blob))).equals(large)).toBe(true);
  });

  it('and is shorter than what an earlier run has left is begun anew, and nobody notices', async () => {
    await using fixture = await MirrorFixture.open();
    await withPartial(fixture, noise(600_000, 'other'));
    const digest = fixture.upstream.addBlob('library/hello', large);
    refuseRanges(fixture, { kind: 'range', status: 416 });

    const blob = await inTime(fixture.clock, fixture.mirror.openBlob(hello, digest));

    expect((await inTime(fixture.clock, readAll(blob))).equals(large)).toBe(true);
  });

  it('and is all here already is not asked for', async () => {
    await using fixture = await MirrorFixture.open();
    const image = makeImage({ layers: [300_000] });
    const [layer = image.config] = image.layers;
    fixture.upstream.addManifest('library/hello', image.bytes, 'latest');
    await fixture.mirror.manifest(hello, byTag('latest'), 'GET');
    const ingest = await fixture.content.ingest(layer.digest);
    await ingest.write([layer.bytes]);
    await ingest.close();

    const answer = await readAll(await fixture.mirror.openBlob(hello, layer.digest));

    expect(answer.equals(layer.bytes)).toBe(true);
    expect(fixture.upstream.count('BLOB')).toBe(0);
  });

  it('and is other than what has gone out is cut, and right the next time', async () => {
    await using fixture = await MirrorFixture.open();
    const digest = fixture.upstream.addBlob('library/hello', large);
    refuseRanges(fixture, { kind: 'denied', status: 403 });
    const wrong = noise(500_000, 'wrong');
    let attempts = 0;
    fixture.upstream.body = (bytes, offset) => {
      attempts += 1;
      return attempts === 1 ? cutAfter(200_000)(wrong, offset) : wholeBody(bytes, offset);
    };
    const blob = await fixture.mirror.openBlob(hello, digest);
    await blob.read(Buffer.alloc(10), 10, 0);

    await expect(inTime(fixture.clock, readAll(blob))).rejects.toMatchObject({ status: 502 });
    await fixture.settled();
    const next = await inTime(
      fixture.clock,
      fixture.mirror.openBlob(hello, digest).then((opened) => readAll(opened)),
    );
    expect(next.equals(large)).toBe(true);
  });
});
