import { describe, expect, it } from 'vitest';
import { UpstreamError, type UpstreamErrorKind } from '../../../src/upstream/registry.ts';
import { noise } from '../../support/image.ts';
import { inTime } from '../../support/in-time.ts';
import { byTag, MirrorFixture, readAll, target } from '../../support/mirror-fixture.ts';

const hello = target('library/hello');
const blobs = ['one', 'two', 'three'].map((seed) => noise(100_000, seed));

/** A mirror whose upstream has just failed to give a manifest. */
async function withUpstreamDown(kind: UpstreamErrorKind = 'unavailable') {
  const fixture = await MirrorFixture.open();
  const digests = blobs.map((bytes) => fixture.upstream.addBlob('library/hello', bytes));
  const [first, second, third] = digests;
  if (first === undefined || second === undefined || third === undefined) throw new Error('too few blobs');
  fixture.upstream.before = () => {
    throw new UpstreamError(kind, 'no answer');
  };
  await expect(fixture.mirror.manifest(hello, byTag('latest'), 'GET')).rejects.toMatchObject({
    code: 'UNAVAILABLE',
  });
  fixture.upstream.requests.length = 0;
  return { fixture, first, second, third };
}

describe('a cold blob while upstream is known to be down', () => {
  it.each(['unavailable', 'timeout'] as const)(
    'is refused after one question (%s): no time passes',
    async (kind) => {
      const { fixture, first, second } = await withUpstreamDown(kind);
      await using _ = fixture;

      for (const digest of [first, second]) {
        await expect(fixture.mirror.openBlob(hello, digest)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      }

      expect(fixture.upstream.requests).toEqual([
        `BLOB library/hello ${first} 0`,
        `BLOB library/hello ${second} 0`,
      ]);
      expect(fixture.clock.sleeping).toBe(0);
    },
  );

  it('is refused to many who ask at the same time, by one question', async () => {
    const { fixture, first } = await withUpstreamDown();
    await using _ = fixture;

    const answers = await Promise.allSettled(
      Array.from({ length: 10 }, () => fixture.mirror.openBlob(hello, first)),
    );

    expect(answers.every(({ status }) => status === 'rejected')).toBe(true);
    expect(fixture.upstream.count('BLOB')).toBe(1);
  });

  it('is refused also when a part of it is here', async () => {
    const { fixture, first } = await withUpstreamDown();
    await using _ = fixture;
    const ingest = await fixture.content.ingest(first);
    await ingest.write([blobs[0]?.subarray(0, 50_000) ?? Buffer.alloc(0)]);
    await ingest.close();

    await expect(fixture.mirror.openBlob(hello, first)).rejects.toMatchObject({ status: 503 });

    expect(fixture.upstream.requests).toEqual([`BLOB library/hello ${first} 50000`]);
    expect(await Array.fromAsync(fixture.content.listPartial())).toHaveLength(1);
  });

  it('comes as soon as upstream is back, which then is known to be', async () => {
    const { fixture, first, second } = await withUpstreamDown();
    await using _ = fixture;
    fixture.upstream.before = () => undefined;

    expect((await readAll(await fixture.mirror.openBlob(hello, first))).length).toBe(100_000);

    let failures = 0;
    fixture.upstream.before = () => {
      failures += 1;
      if (failures < 4) throw new UpstreamError('unavailable', 'a reset');
    };
    const patient = await inTime(fixture.clock, fixture.mirror.openBlob(hello, second));
    expect((await readAll(patient)).length).toBe(100_000);
  });

  it('is asked for twice when nobody has asked for a while', async () => {
    const { fixture, third } = await withUpstreamDown();
    await using _ = fixture;
    await fixture.clock.advance(5_000);

    const refused = inTime(fixture.clock, fixture.mirror.openBlob(hello, third));

    await expect(refused).rejects.toMatchObject({ status: 503 });
    expect(fixture.upstream.count('BLOB')).toBe(2);
  });

  it('does not cost a blob its patience that is on its way already', async () => {
    await using fixture = await MirrorFixture.open();
    const digest = fixture.upstream.addBlob('library/hello', blobs[0] ?? Buffer.alloc(0));
    let attempts = 0;
    fixture.upstream.before = () => {
      attempts += 1;
      if (attempts > 1 && attempts < 5) throw new UpstreamError('unavailable', 'down');
    };
    fixture.upstream.body = async function* (bytes, offset) {
      yield bytes.subarray(offset, offset + 50_000);
      await Promise.resolve();
      if (offset === 0) throw new UpstreamError('unavailable', 'cut');
    };
    const blob = await fixture.mirror.openBlob(hello, digest);

    expect((await inTime(fixture.clock, readAll(blob))).length).toBe(100_000);
  });
});
