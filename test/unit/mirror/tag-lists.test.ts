import { describe, expect, it } from 'vitest';
import { UpstreamError } from '../../../src/upstream/registry.ts';
import { makeImage } from '../../support/image.ts';
import { byTag, MirrorFixture, target } from '../../support/mirror-fixture.ts';

const hello = target('library/hello');
const image = makeImage();

function unavailable(): never {
  throw new UpstreamError('unavailable', 'upstream refused the connection');
}

function forever(): Promise<void> {
  return new Promise(() => undefined);
}

describe('a list of tags', () => {
  it("is upstream's, in lexical order, each once, and is not asked for again within a minute", async () => {
    await using fixture = await MirrorFixture.open();
    for (const tag of ['b', 'a', 'B', '10', '9'])
      fixture.upstream.addManifest('library/hello', image.bytes, tag);

    const first = await fixture.mirror.tags(hello);
    await fixture.clock.advance(59_999);
    const second = await fixture.mirror.tags(hello);
    await fixture.clock.advance(1);
    await fixture.mirror.tags(hello);

    expect(first).toMatchObject({ tags: ['10', '9', 'B', 'a', 'b'], result: 'miss' });
    expect(second).toMatchObject({ tags: first.tags, result: 'hit' });
    expect(fixture.upstream.count('TAGS')).toBe(2);
    expect(fixture.upstream.count('GET')).toBe(0);
  });

  it.each([
    ['0 s', 0],
    ['an hour', 3_600_000],
  ])('is as fresh as tags are to be: %s', async (_, tagMs) => {
    await using fixture = await MirrorFixture.open({ policy: { tagMs } });
    fixture.upstream.addManifest('library/hello', image.bytes, 'a');
    await fixture.mirror.tags(hello);
    fixture.upstream.addManifest('library/hello', image.bytes, 'b');
    await fixture.clock.advance(Math.max(0, tagMs - 1));

    const before = await fixture.mirror.tags(hello);
    await fixture.clock.advance(1);
    const after = await fixture.mirror.tags(hello);

    expect(before.tags).toEqual(tagMs === 0 ? ['a', 'b'] : ['a']);
    expect(after.tags).toEqual(['a', 'b']);
    expect(fixture.upstream.count('TAGS')).toBe(tagMs === 0 ? 3 : 2);
  });

  it.each([
    ['of its most short-lived tag', [{ match: '*:nightly', maxAgeMs: 1_000 }], 1_000],
    ['of tags that are yet to come', [{ match: '*:v*', maxAgeMs: 3_600_000 }], 60_000],
    ['of all that it may ever have', [{ match: 'library/*:*', maxAgeMs: 3_600_000 }], 3_600_000],
  ])('has the freshness %s', async (_, rules, maxAgeMs) => {
    await using fixture = await MirrorFixture.open({ policy: { tagMs: 60_000, rules } });
    for (const tag of ['nightly', 'v1']) fixture.upstream.addManifest('library/hello', image.bytes, tag);
    await fixture.mirror.tags(hello);
    await fixture.clock.advance(maxAgeMs - 1);
    await fixture.mirror.tags(hello);
    expect(fixture.upstream.count('TAGS')).toBe(1);
    await fixture.clock.advance(1);
    await fixture.mirror.tags(hello);
    expect(fixture.upstream.count('TAGS')).toBe(2);
  });

  it('has a tag that was pulled since it was asked for, in its place', async () => {
    await using fixture = await MirrorFixture.open();
    for (const tag of ['a', 'c']) fixture.upstream.addManifest('library/hello', image.bytes, tag);
    await fixture.mirror.tags(hello);
    for (const tag of ['b', 'd']) fixture.upstream.addManifest('library/hello', image.bytes, tag);

    await fixture.mirror.manifest(hello, byTag('b'), 'GET');
    await fixture.mirror.manifest(hello, byTag('c'), 'GET');

    expect(await fixture.mirror.tags(hello)).toMatchObject({ tags: ['a', 'b', 'c'], result: 'hit' });
    expect(fixture.upstream.count('TAGS')).toBe(1);
  });

  it('has a tag that was pulled while it was asked for', async () => {
    await using fixture = await MirrorFixture.open();
    fixture.upstream.addManifest('library/hello', image.bytes, 'new');
    const { promise, resolve } = Promise.withResolvers<void>();
    fixture.upstream.before = (request) => (request.startsWith('TAGS') ? promise : undefined);

    const asking = fixture.mirror.tags(hello);
    await fixture.mirror.manifest(hello, byTag('new'), 'GET');
    fixture.upstream.removeTag('library/hello', 'new');
    resolve();

    expect((await asking).tags).toEqual(['new']);
  });

  it('is made of what is cached when upstream fails', async () => {
    await using fixture = await MirrorFixture.open();
    fixture.upstream.addManifest('library/hello', image.bytes, 'latest');
    await fixture.mirror.manifest(hello, byTag('latest'), 'GET');
    fixture.upstream.before = unavailable;
    await fixture.restart();

    const stale = await fixture.mirror.tags(hello);

    expect(stale).toMatchObject({
      tags: ['latest'],
      result: 'stale',
      warning: 'upstream refused the connection',
    });
  });

  it('that upstream gave once does not wait for an upstream that is known to fail', async () => {
    await using fixture = await MirrorFixture.open();
    fixture.upstream.addManifest('library/hello', image.bytes, 'latest');
    await fixture.mirror.tags(hello);
    await fixture.clock.advance(60_000);
    fixture.upstream.before = unavailable;
    await fixture.mirror.tags(hello);

    const stale = await fixture.mirror.tags(hello);

    expect(stale).toMatchObject({ tags: ['latest'], result: 'stale', upstreamMs: 0 });
    expect(fixture.upstream.count('TAGS')).toBe(2);
  });

  it('that is due waits 1.5 s for an upstream that does not answer, and is then the one seen last', async () => {
    await using fixture = await MirrorFixture.open();
    fixture.upstream.addManifest('library/hello', image.bytes, 'latest');
    await fixture.mirror.tags(hello);
    await fixture.clock.advance(60_000);
    fixture.upstream.before = forever;

    const answer = fixture.mirror.tags(hello);
    await fixture.clock.advance(1_500);

    await expect(answer).resolves.toMatchObject({
      tags: ['latest'],
      result: 'stale',
      upstreamMs: 1_500,
      warning: 'upstream does not answer in time',
    });
  });

  it('of a repository that is cached waits no longer, though upstream never gave one', async () => {
    await using fixture = await MirrorFixture.open();
    fixture.upstream.addManifest('library/hello', image.bytes, 'latest');
    await fixture.mirror.manifest(hello, byTag('latest'), 'GET');
    fixture.upstream.before = forever;

    const answer = fixture.mirror.tags(hello);
    await fixture.clock.advance(1_500);

    await expect(answer).resolves.toMatchObject({ tags: ['latest'], result: 'stale', upstreamMs: 1_500 });
  });

  it('that comes late is kept for the next who asks', async () => {
    await using fixture = await MirrorFixture.open();
    fixture.upstream.addManifest('library/hello', image.bytes, 'old');
    await fixture.mirror.tags(hello);
    await fixture.clock.advance(60_000);
    const { promise, resolve } = Promise.withResolvers<void>();
    fixture.upstream.before = () => promise;
    const impatient = fixture.mirror.tags(hello);
    await fixture.clock.advance(1_500);
    await impatient;
    fixture.upstream.addManifest('library/hello', image.bytes, 'new');
    resolve();
    await fixture.clock.advance(0);

    expect(await fixture.mirror.tags(hello)).toMatchObject({ tags: ['new', 'old'], result: 'hit' });
  });

  it('that nobody has, and nobody can fetch, fails truthfully', async () => {
    await using fixture = await MirrorFixture.open();
    fixture.upstream.before = unavailable;

    await expect(fixture.mirror.tags(hello)).rejects.toMatchObject({ status: 503 });
  });

  it('is asked for once, however many wait', async () => {
    await using fixture = await MirrorFixture.open();
    fixture.upstream.addManifest('library/hello', image.bytes, 'latest');

    await Promise.all(Array.from({ length: 20 }, () => fixture.mirror.tags(hello)));

    expect(fixture.upstream.count('TAGS')).toBe(1);
  });
});
