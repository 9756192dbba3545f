import { describe, expect, it } from 'vitest';
import { UpstreamError } from '../../../src/upstream/registry.ts';
import { makeImage } from '../../support/image.ts';
import { byTag, MirrorHouse, target } from '../../support/mirror-house.ts';

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
    await using house = await MirrorHouse.open();
    for (const tag of ['b', 'a', 'B', '10', '9'])
      house.upstream.addManifest('library/hello', image.bytes, tag);

    const first = await house.mirror.tags(hello);
    await house.clock.advance(59_999);
    const second = await house.mirror.tags(hello);
    await house.clock.advance(1);
    await house.mirror.tags(hello);

    expect(first).toMatchObject({ tags: ['10', '9', 'B', 'a', 'b'], result: 'miss' });
    expect(second).toMatchObject({ tags: first.tags, result: 'hit' });
    expect(house.upstream.count('TAGS')).toBe(2);
    expect(house.upstream.count('GET')).toBe(0);
  });

  it.each([
    ['0 s', 0],
    ['an hour', 3_600_000],
  ])('is as fresh as tags are to be: %s', async (_, tagMs) => {
    await using house = await MirrorHouse.open({ policy: { tagMs } });
    house.upstream.addManifest('library/hello', image.bytes, 'a');
    await house.mirror.tags(hello);
    house.upstream.addManifest('library/hello', image.bytes, 'b');
    await house.clock.advance(Math.max(0, tagMs - 1));

    const before = await house.mirror.tags(hello);
    await house.clock.advance(1);
    const after = await house.mirror.tags(hello);

    expect(before.tags).toEqual(tagMs === 0 ? ['a', 'b'] : ['a']);
    expect(after.tags).toEqual(['a', 'b']);
    expect(house.upstream.count('TAGS')).toBe(tagMs === 0 ? 3 : 2);
  });

  it.each([
    ['of its most short-lived tag', [{ match: '*:nightly', maxAgeMs: 1_000 }], 1_000],
    ['of tags that are yet to come', [{ match: '*:v*', maxAgeMs: 3_600_000 }], 60_000],
    ['of all that it may ever have', [{ match: 'library/*:*', maxAgeMs: 3_600_000 }], 3_600_000],
  ])('has the freshness %s', async (_, rules, maxAgeMs) => {
    await using house = await MirrorHouse.open({ policy: { tagMs: 60_000, rules } });
    for (const tag of ['nightly', 'v1']) house.upstream.addManifest('library/hello', image.bytes, tag);
    await house.mirror.tags(hello);
    await house.clock.advance(maxAgeMs - 1);
    await house.mirror.tags(hello);
    expect(house.upstream.count('TAGS')).toBe(1);
    await house.clock.advance(1);
    await house.mirror.tags(hello);
    expect(house.upstream.count('TAGS')).toBe(2);
  });

  it('has a tag that was pulled since it was asked for, in its place', async () => {
    await using house = await MirrorHouse.open();
    for (const tag of ['a', 'c']) house.upstream.addManifest('library/hello', image.bytes, tag);
    await house.mirror.tags(hello);
    for (const tag of ['b', 'd']) house.upstream.addManifest('library/hello', image.bytes, tag);

    await house.mirror.manifest(hello, byTag('b'), 'GET');
    await house.mirror.manifest(hello, byTag('c'), 'GET');

    expect(await house.mirror.tags(hello)).toMatchObject({ tags: ['a', 'b', 'c'], result: 'hit' });
    expect(house.upstream.count('TAGS')).toBe(1);
  });

  it('has a tag that was pulled while it was asked for', async () => {
    await using house = await MirrorHouse.open();
    house.upstream.addManifest('library/hello', image.bytes, 'new');
    const { promise, resolve } = Promise.withResolvers<void>();
    house.upstream.before = (request) => (request.startsWith('TAGS') ? promise : undefined);

    const asking = house.mirror.tags(hello);
    await house.mirror.manifest(hello, byTag('new'), 'GET');
    house.upstream.removeTag('library/hello', 'new');
    resolve();

    expect((await asking).tags).toEqual(['new']);
  });

  it('is made of what is cached when upstream fails', async () => {
    await using house = await MirrorHouse.open();
    house.upstream.addManifest('library/hello', image.bytes, 'latest');
    await house.mirror.manifest(hello, byTag('latest'), 'GET');
    house.upstream.before = unavailable;
    await house.restart();

    const stale = await house.mirror.tags(hello);

    expect(stale).toMatchObject({
      tags: ['latest'],
      result: 'stale',
      warning: 'upstream refused the connection',
    });
  });

  it('that upstream gave once does not wait for an upstream that is known to fail', async () => {
    await using house = await MirrorHouse.open();
    house.upstream.addManifest('library/hello', image.bytes, 'latest');
    await house.mirror.tags(hello);
    await house.clock.advance(60_000);
    house.upstream.before = unavailable;
    await house.mirror.tags(hello);

    const stale = await house.mirror.tags(hello);

    expect(stale).toMatchObject({ tags: ['latest'], result: 'stale', upstreamMs: 0 });
    expect(house.upstream.count('TAGS')).toBe(2);
  });

  it('that is due waits 1.5 s for an upstream that does not answer, and is then the one seen last', async () => {
    await using house = await MirrorHouse.open();
    house.upstream.addManifest('library/hello', image.bytes, 'latest');
    await house.mirror.tags(hello);
    await house.clock.advance(60_000);
    house.upstream.before = forever;

    const answer = house.mirror.tags(hello);
    await house.clock.advance(1_500);

    await expect(answer).resolves.toMatchObject({
      tags: ['latest'],
      result: 'stale',
      upstreamMs: 1_500,
      warning: 'upstream does not answer in time',
    });
  });

  it('of a repository that is cached waits no longer, though upstream never gave one', async () => {
    await using house = await MirrorHouse.open();
    house.upstream.addManifest('library/hello', image.bytes, 'latest');
    await house.mirror.manifest(hello, byTag('latest'), 'GET');
    house.upstream.before = forever;

    const answer = house.mirror.tags(hello);
    await house.clock.advance(1_500);

    await expect(answer).resolves.toMatchObject({ tags: ['latest'], result: 'stale', upstreamMs: 1_500 });
  });

  it('that comes late is kept for the next who asks', async () => {
    await using house = await MirrorHouse.open();
    house.upstream.addManifest('library/hello', image.bytes, 'old');
    await house.mirror.tags(hello);
    await house.clock.advance(60_000);
    const { promise, resolve } = Promise.withResolvers<void>();
    house.upstream.before = () => promise;
    const impatient = house.mirror.tags(hello);
    await house.clock.advance(1_500);
    await impatient;
    house.upstream.addManifest('library/hello', image.bytes, 'new');
    resolve();
    await house.clock.advance(0);

    expect(await house.mirror.tags(hello)).toMatchObject({ tags: ['new', 'old'], result: 'hit' });
  });

  it('that nobody has, and nobody can fetch, fails truthfully', async () => {
    await using house = await MirrorHouse.open();
    house.upstream.before = unavailable;

    await expect(house.mirror.tags(hello)).rejects.toMatchObject({ status: 503 });
  });

  it('is asked for once, however many wait', async () => {
    await using house = await MirrorHouse.open();
    house.upstream.addManifest('library/hello', image.bytes, 'latest');

    await Promise.all(Array.from({ length: 20 }, () => house.mirror.tags(hello)));

    expect(house.upstream.count('TAGS')).toBe(1);
  });
});
