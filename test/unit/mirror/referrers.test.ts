import { describe, expect, it } from 'vitest';
import { digestOf, type Digest } from '../../../src/oci/digest.ts';
import type { ReferrerDescriptor } from '../../../src/oci/manifest.ts';
import { UpstreamError } from '../../../src/upstream/registry.ts';
import { makeArtifact, makeArtifactIndex } from '../../support/artifact.ts';
import { descriptor, makeImage } from '../../support/image.ts';
import { byTag, MirrorFixture, readAll, target } from '../../support/mirror-fixture.ts';

const name = 'library/hello';
const hello = target(name);
const image = makeImage({ oci: true });
const hour = 60 * 60 * 1000;

const signature = makeArtifact({ artifactType: 'application/vnd.example.signature', subject: image });
const sbom = makeArtifact({
  configType: 'application/vnd.example.sbom',
  text: 'sbom',
  subject: image,
  annotations: { 'org.example.format': 'spdx' },
});
const listedSignature = { ...descriptor(signature), artifactType: 'application/vnd.example.signature' };
const listedSbom = {
  ...descriptor(sbom),
  artifactType: 'application/vnd.example.sbom',
  annotations: { 'org.example.format': 'spdx' },
};

/** What the image's digest makes of a tag. */
const tag = image.digest.replace(':', '-');

function unavailable(): never {
  throw new UpstreamError('unavailable', 'upstream refused the connection');
}

function forever(): Promise<void> {
  return new Promise(() => undefined);
}

/** A mirror that holds the image, whose upstream's API lists `listed`; undefined: it has no such API. */
async function fixtureWith(listed: readonly ReferrerDescriptor[] | undefined): Promise<MirrorFixture> {
  const fixture = await MirrorFixture.open();
  fixture.upstream.addManifest(name, image.bytes, 'latest');
  if (listed !== undefined) fixture.upstream.addReferrers(name, image.digest, listed);
  await fixture.mirror.manifest(hello, byTag('latest'), 'GET');
  fixture.upstream.requests.length = 0;
  return fixture;
}

function referrersOf(fixture: MirrorFixture, digest: Digest, artifactType?: string) {
  return fixture.mirror.referrers(hello, digest, artifactType);
}

describe('referrers', () => {
  it("are what upstream's API lists, and are not asked for again within a minute", async () => {
    await using fixture = await fixtureWith([listedSignature, listedSbom]);

    const first = await referrersOf(fixture, image.digest);
    await fixture.clock.advance(59_999);
    const second = await referrersOf(fixture, image.digest);
    await fixture.clock.advance(1);
    await referrersOf(fixture, image.digest);

    expect(first).toMatchObject({ descriptors: [listedSignature, listedSbom], result: 'miss' });
    expect(first).toMatchObject({ filtered: false, warning: undefined });
    expect(second).toMatchObject({ descriptors: first.descriptors, result: 'hit', upstreamMs: 0 });
    expect(fixture.upstream.requests).toEqual(Array(2).fill(`REFERRERS ${name} ${image.digest}`));
  });

  it('can be limited to an artifact type', async () => {
    await using fixture = await fixtureWith([listedSignature, listedSbom]);

    const sboms = await referrersOf(fixture, image.digest, 'application/vnd.example.sbom');
    const none = await referrersOf(fixture, image.digest, 'application/vnd.example');

    expect(sboms).toMatchObject({ descriptors: [listedSbom], filtered: true });
    expect(none).toMatchObject({ descriptors: [], filtered: true });
  });

  it('are asked for once, however many wait', async () => {
    await using fixture = await fixtureWith([listedSignature]);

    const answers = await Promise.all(Array.from({ length: 20 }, () => referrersOf(fixture, image.digest)));

    expect(fixture.upstream.requests).toHaveLength(1);
    expect(answers.filter(({ result }) => result === 'joined')).toHaveLength(19);
  });

  it('are none where there are none, also of what nobody knows', async () => {
    await using fixture = await fixtureWith([]);
    fixture.upstream.addReferrers(name, signature.digest, []);

    expect(await referrersOf(fixture, image.digest)).toMatchObject({ descriptors: [] });
    expect(await referrersOf(fixture, signature.digest)).toMatchObject({ descriptors: [] });
  });

  it('that are none are written down only of what is held: anybody may ask for any digest', async () => {
    await using fixture = await fixtureWith([]);
    fixture.upstream.addReferrers(name, signature.digest, []);
    await referrersOf(fixture, image.digest);
    await referrersOf(fixture, signature.digest);

    const repository = { upstream: fixture.upstream.name, name: hello.name };
    expect(await fixture.metadata.referrers(repository, image.digest)).toMatchObject({ descriptors: [] });
    expect(await fixture.metadata.referrers(repository, signature.digest)).toBeUndefined();
  });

  it('are asked for anew when the clock was set back', async () => {
    await using fixture = await fixtureWith([listedSignature]);
    await referrersOf(fixture, image.digest);
    await fixture.clock.advance(-hour);

    expect(await referrersOf(fixture, image.digest)).toMatchObject({ result: 'miss' });
  });

  it('are those that the referrers tag lists, where upstream has no API', async () => {
    await using fixture = await fixtureWith(undefined);
    const index = makeArtifactIndex([listedSignature, listedSbom]);
    fixture.upstream.addManifest(name, index.bytes, tag);

    const answer = await referrersOf(fixture, image.digest);

    expect(answer).toMatchObject({ descriptors: [listedSignature, listedSbom], result: 'miss' });
    expect(await fixture.mirror.manifest(hello, byTag(tag), 'GET')).toMatchObject({ result: 'hit' });
  });

  it('are none where upstream has neither API nor tag, or a tag that is no list', async () => {
    await using fixture = await fixtureWith(undefined);
    expect(await referrersOf(fixture, image.digest)).toMatchObject({ descriptors: [] });

    fixture.upstream.addManifest(name, makeArtifact().bytes, tag);
    await fixture.clock.advance(60_000);
    expect(await referrersOf(fixture, image.digest)).toMatchObject({ descriptors: [] });
  });

  it('are asked of an API that is not there once an hour', async () => {
    await using fixture = await fixtureWith(undefined);
    const askedApi = () => fixture.upstream.count('REFERRERS');
    await referrersOf(fixture, image.digest);
    expect(askedApi()).toBe(1);

    await fixture.clock.advance(hour - 1);
    await referrersOf(fixture, image.digest);
    expect(askedApi()).toBe(1);

    fixture.upstream.addReferrers(name, image.digest, [listedSignature]);
    await fixture.clock.advance(60_000);
    expect(await referrersOf(fixture, image.digest)).toMatchObject({ descriptors: [listedSignature] });
    expect(askedApi()).toBe(2);
  });

  it('of what upstream does not know say nothing of its API', async () => {
    await using fixture = await fixtureWith([listedSignature]);
    await referrersOf(fixture, digestOf(Buffer.from('nobody has this')));

    expect(await referrersOf(fixture, image.digest)).toMatchObject({ descriptors: [listedSignature] });
  });

  it('that are held are listed with the others, each once, as their manifests describe them', async () => {
    await using fixture = await fixtureWith([descriptor(sbom)]);
    for (const { bytes } of [sbom, signature]) fixture.upstream.addManifest(name, bytes);
    for (const { digest } of [sbom, signature]) await fixture.mirror.manifest(hello, { digest }, 'GET');

    const { descriptors } = await referrersOf(fixture, image.digest);

    expect(descriptors).toEqual([listedSbom, listedSignature]);
  });

  it('that another repository holds are not listed', async () => {
    await using fixture = await fixtureWith([]);
    fixture.upstream.addManifest('library/other', signature.bytes);
    await fixture.mirror.manifest(target('library/other'), { digest: signature.digest }, 'GET');

    expect(await referrersOf(fixture, image.digest)).toMatchObject({ descriptors: [] });
  });

  it('of an index have an artifact type only if the index states one', async () => {
    await using fixture = await fixtureWith([]);
    const plain = makeArtifactIndex([descriptor(signature)], { subject: image });
    const typed = makeArtifactIndex([], { subject: image, artifactType: 'application/vnd.example.set' });
    for (const { bytes, digest } of [plain, typed]) {
      fixture.upstream.addManifest(name, bytes);
      await fixture.mirror.manifest(hello, { digest }, 'GET');
    }

    const { descriptors } = await referrersOf(fixture, image.digest);

    const types = new Map(descriptors.map(({ digest, artifactType }) => [digest, artifactType]));
    expect(types.get(plain.digest)).toBeUndefined();
    expect(types.get(typed.digest)).toBe('application/vnd.example.set');
  });
});

describe('referrers with an upstream in trouble', () => {
  it('are answered from the cache, after a restart too', async () => {
    await using fixture = await fixtureWith([listedSignature]);
    await referrersOf(fixture, image.digest);
    fixture.upstream.before = unavailable;
    await fixture.restart();
    await fixture.clock.advance(60_000);

    expect(await referrersOf(fixture, image.digest)).toMatchObject({
      descriptors: [listedSignature],
      result: 'stale',
      warning: 'upstream refused the connection',
    });
  });

  it('are known to be none, once upstream has said so', async () => {
    await using fixture = await fixtureWith([]);
    await referrersOf(fixture, image.digest);
    fixture.upstream.before = unavailable;
    await fixture.restart();
    await fixture.clock.advance(60_000);

    expect(await referrersOf(fixture, image.digest)).toMatchObject({ descriptors: [], result: 'stale' });
  });

  it('do not wait once that is known', async () => {
    await using fixture = await fixtureWith([listedSignature]);
    await referrersOf(fixture, image.digest);
    await fixture.clock.advance(60_000);
    fixture.upstream.before = unavailable;
    await referrersOf(fixture, image.digest);
    const asked = fixture.upstream.requests.length;

    expect(await referrersOf(fixture, image.digest)).toMatchObject({ result: 'stale', upstreamMs: 0 });
    expect(fixture.upstream.requests).toHaveLength(asked);
  });

  it('wait 1.5 s for an upstream that does not answer, once', async () => {
    await using fixture = await fixtureWith([listedSignature]);
    await referrersOf(fixture, image.digest);
    await fixture.clock.advance(60_000);
    fixture.upstream.before = forever;

    const answer = referrersOf(fixture, image.digest);
    await fixture.clock.advance(1_500);

    await expect(answer).resolves.toMatchObject({
      descriptors: [listedSignature],
      result: 'stale',
      upstreamMs: 1_500,
      warning: 'upstream does not answer in time',
    });
    expect(await referrersOf(fixture, image.digest)).toMatchObject({ result: 'stale', upstreamMs: 0 });
  });

  it('are what is held, if upstream never listed any', async () => {
    await using fixture = await fixtureWith(undefined);
    fixture.upstream.addManifest(name, sbom.bytes);
    await fixture.mirror.manifest(hello, { digest: sbom.digest }, 'GET');
    fixture.upstream.before = unavailable;

    expect(await referrersOf(fixture, image.digest)).toMatchObject({
      descriptors: [listedSbom],
      result: 'stale',
    });
  });

  it('are what the cached referrers tag lists, if nobody ever asked for more than that tag', async () => {
    await using fixture = await fixtureWith(undefined);
    fixture.upstream.addManifest(name, makeArtifactIndex([listedSignature]).bytes, tag);
    await fixture.mirror.manifest(hello, byTag(tag), 'GET');
    fixture.upstream.before = unavailable;

    expect(await referrersOf(fixture, image.digest)).toMatchObject({
      descriptors: [listedSignature],
      result: 'stale',
    });
  });

  it('are not taken for fresh when only the tag is stale', async () => {
    await using fixture = await fixtureWith(undefined);
    fixture.upstream.addManifest(name, makeArtifactIndex([listedSignature]).bytes, tag);
    await referrersOf(fixture, image.digest);
    await fixture.clock.advance(60_000);
    fixture.upstream.before = (request) => {
      if (request.startsWith('HEAD')) unavailable();
    };

    const answers = [await referrersOf(fixture, image.digest), await referrersOf(fixture, image.digest)];

    for (const answer of answers) {
      expect(answer).toMatchObject({ descriptors: [listedSignature], result: 'stale' });
    }
  });

  it.each([
    ['unavailable', 503],
    ['timeout', 504],
    ['rate-limited', 429],
    ['denied', 403],
    ['unauthorized', 403],
  ] as const)('of what is not held fail truthfully: %s is %i, and no list', async (kind, status) => {
    await using fixture = await fixtureWith(undefined);
    fixture.upstream.before = () => {
      throw new UpstreamError(kind, 'trouble');
    };

    await expect(referrersOf(fixture, sbom.digest)).rejects.toMatchObject({ status });
  });

  it('of an image that is held are what is held of them, and stale, so that it can be pulled offline', async () => {
    await using fixture = await fixtureWith([listedSignature]);
    fixture.upstream.before = unavailable;

    expect(await referrersOf(fixture, image.digest)).toMatchObject({
      descriptors: [],
      result: 'stale',
      warning: 'upstream refused the connection',
    });

    fixture.upstream.before = () => undefined;
    expect(await referrersOf(fixture, image.digest)).toMatchObject({ descriptors: [listedSignature] });
  });

  it('of an image that is held are waited for longer than those that are known, but not for long', async () => {
    await using fixture = await fixtureWith([listedSignature]);
    fixture.upstream.before = () => fixture.clock.sleep(2_000);
    const slow = referrersOf(fixture, image.digest);
    await fixture.clock.advance(2_000);
    expect(await slow).toMatchObject({ descriptors: [listedSignature], result: 'miss' });

    await using silent = await fixtureWith([listedSignature]);
    silent.upstream.before = forever;
    for (const timeLimitMs of [5_000, 1_500]) {
      const answer = referrersOf(silent, image.digest);
      await silent.clock.advance(timeLimitMs);
      expect(await answer).toMatchObject({ descriptors: [], result: 'stale', upstreamMs: timeLimitMs });
    }
  });

  it('fail truthfully, too, where the API is missing and its substitute is in trouble', async () => {
    await using fixture = await fixtureWith(undefined);
    fixture.upstream.before = (request) => {
      if (request.startsWith('HEAD')) unavailable();
    };

    await expect(referrersOf(fixture, sbom.digest)).rejects.toMatchObject({ status: 503 });
  });
});

describe('what refers to an image', () => {
  it('stays as long as the image is used, bytes and all, and goes with it', async () => {
    const ttlMs = 10 * hour;
    await using fixture = await MirrorFixture.open({ space: { ttlMs } });
    fixture.upstream.addManifest(name, image.bytes, 'latest');
    fixture.upstream.addManifest(name, signature.bytes);
    for (const { bytes } of signature.blobs) fixture.upstream.addBlob(name, bytes);
    await fixture.mirror.manifest(hello, byTag('latest'), 'GET');
    await fixture.mirror.manifest(hello, { digest: signature.digest }, 'GET');
    for (const { digest } of signature.blobs) await readAll(await fixture.mirror.openBlob(hello, digest));
    const heldBytes = () => Promise.all(signature.blobs.map(({ digest }) => fixture.content.size(digest)));
    const expire = () => fixture.space.evictor.expire();
    await fixture.settled();

    for (let times = 0; times < 4; times += 1) {
      await fixture.clock.advance(ttlMs / 2);
      await fixture.mirror.manifest(hello, { digest: image.digest }, 'GET');
    }
    await expire();
    expect(await heldBytes()).toEqual(signature.blobs.map(({ size }) => size));
    const held = await fixture.metadata.manifestsOfSubject(
      { upstream: fixture.upstream.name, name: hello.name },
      image.digest,
    );
    expect(held.map(({ digest }) => digest)).toEqual([signature.digest]);

    await fixture.clock.advance(2 * ttlMs);
    await expire();
    expect(await heldBytes()).toEqual(signature.blobs.map(() => undefined));
  });
});
