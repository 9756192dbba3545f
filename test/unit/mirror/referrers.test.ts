import { describe, expect, it } from 'vitest';
import { digestOf, type Digest } from '../../../src/oci/digest.ts';
import type { ReferrerDescriptor } from '../../../src/oci/manifest.ts';
import { UpstreamError } from '../../../src/upstream/registry.ts';
import { makeArtifact, makeArtifactIndex } from '../../support/artifact.ts';
import { descriptor, makeImage } from '../../support/image.ts';
import { byTag, MirrorHouse, readAll, target } from '../../support/mirror-house.ts';

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
async function houseWith(listed: readonly ReferrerDescriptor[] | undefined): Promise<MirrorHouse> {
  const house = await MirrorHouse.open();
  house.upstream.addManifest(name, image.bytes, 'latest');
  if (listed !== undefined) house.upstream.addReferrers(name, image.digest, listed);
  await house.mirror.manifest(hello, byTag('latest'), 'GET');
  house.upstream.requests.length = 0;
  return house;
}

function referrersOf(house: MirrorHouse, digest: Digest, artifactType?: string) {
  return house.mirror.referrers(hello, digest, artifactType);
}

describe('referrers', () => {
  it("are what upstream's API lists, and are not asked for again within a minute", async () => {
    await using house = await houseWith([listedSignature, listedSbom]);

    const first = await referrersOf(house, image.digest);
    await house.clock.advance(59_999);
    const second = await referrersOf(house, image.digest);
    await house.clock.advance(1);
    await referrersOf(house, image.digest);

    expect(first).toMatchObject({ descriptors: [listedSignature, listedSbom], result: 'miss' });
    expect(first).toMatchObject({ filtered: false, warning: undefined });
    expect(second).toMatchObject({ descriptors: first.descriptors, result: 'hit', upstreamMs: 0 });
    expect(house.upstream.requests).toEqual(Array(2).fill(`REFERRERS ${name} ${image.digest}`));
  });

  it('can be limited to an artifact type', async () => {
    await using house = await houseWith([listedSignature, listedSbom]);

    const sboms = await referrersOf(house, image.digest, 'application/vnd.example.sbom');
    const none = await referrersOf(house, image.digest, 'application/vnd.example');

    expect(sboms).toMatchObject({ descriptors: [listedSbom], filtered: true });
    expect(none).toMatchObject({ descriptors: [], filtered: true });
  });

  it('are asked for once, however many wait', async () => {
    await using house = await houseWith([listedSignature]);

    const answers = await Promise.all(Array.from({ length: 20 }, () => referrersOf(house, image.digest)));

    expect(house.upstream.requests).toHaveLength(1);
    expect(answers.filter(({ result }) => result === 'joined')).toHaveLength(19);
  });

  it('are none where there are none, also of what nobody knows', async () => {
    await using house = await houseWith([]);
    house.upstream.addReferrers(name, signature.digest, []);

    expect(await referrersOf(house, image.digest)).toMatchObject({ descriptors: [] });
    expect(await referrersOf(house, signature.digest)).toMatchObject({ descriptors: [] });
  });

  it('that are none are written down only of what is held: anybody may ask for any digest', async () => {
    await using house = await houseWith([]);
    house.upstream.addReferrers(name, signature.digest, []);
    await referrersOf(house, image.digest);
    await referrersOf(house, signature.digest);

    const repository = { upstream: house.upstream.name, name: hello.name };
    expect(await house.metadata.referrers(repository, image.digest)).toMatchObject({ descriptors: [] });
    expect(await house.metadata.referrers(repository, signature.digest)).toBeUndefined();
  });

  it('are asked for anew when the clock was set back', async () => {
    await using house = await houseWith([listedSignature]);
    await referrersOf(house, image.digest);
    await house.clock.advance(-hour);

    expect(await referrersOf(house, image.digest)).toMatchObject({ result: 'miss' });
  });

  it('are those that the referrers tag lists, where upstream has no API', async () => {
    await using house = await houseWith(undefined);
    const index = makeArtifactIndex([listedSignature, listedSbom]);
    house.upstream.addManifest(name, index.bytes, tag);

    const answer = await referrersOf(house, image.digest);

    expect(answer).toMatchObject({ descriptors: [listedSignature, listedSbom], result: 'miss' });
    expect(await house.mirror.manifest(hello, byTag(tag), 'GET')).toMatchObject({ result: 'hit' });
  });

  it('are none where upstream has neither API nor tag, or a tag that is no list', async () => {
    await using house = await houseWith(undefined);
    expect(await referrersOf(house, image.digest)).toMatchObject({ descriptors: [] });

    house.upstream.addManifest(name, makeArtifact().bytes, tag);
    await house.clock.advance(60_000);
    expect(await referrersOf(house, image.digest)).toMatchObject({ descriptors: [] });
  });

  it('are asked of an API that is not there once an hour', async () => {
    await using house = await houseWith(undefined);
    const askedApi = () => house.upstream.count('REFERRERS');
    await referrersOf(house, image.digest);
    expect(askedApi()).toBe(1);

    await house.clock.advance(hour - 1);
    await referrersOf(house, image.digest);
    expect(askedApi()).toBe(1);

    house.upstream.addReferrers(name, image.digest, [listedSignature]);
    await house.clock.advance(60_000);
    expect(await referrersOf(house, image.digest)).toMatchObject({ descriptors: [listedSignature] });
    expect(askedApi()).toBe(2);
  });

  it('of what upstream does not know say nothing of its API', async () => {
    await using house = await houseWith([listedSignature]);
    await referrersOf(house, digestOf(Buffer.from('nobody has this')));

    expect(await referrersOf(house, image.digest)).toMatchObject({ descriptors: [listedSignature] });
  });

  it('that are held are listed with the others, each once, as their manifests describe them', async () => {
    await using house = await houseWith([descriptor(sbom)]);
    for (const { bytes } of [sbom, signature]) house.upstream.addManifest(name, bytes);
    for (const { digest } of [sbom, signature]) await house.mirror.manifest(hello, { digest }, 'GET');

    const { descriptors } = await referrersOf(house, image.digest);

    expect(descriptors).toEqual([listedSbom, listedSignature]);
  });

  it('that another repository holds are not listed', async () => {
    await using house = await houseWith([]);
    house.upstream.addManifest('library/other', signature.bytes);
    await house.mirror.manifest(target('library/other'), { digest: signature.digest }, 'GET');

    expect(await referrersOf(house, image.digest)).toMatchObject({ descriptors: [] });
  });

  it('of an index have an artifact type only if the index states one', async () => {
    await using house = await houseWith([]);
    const plain = makeArtifactIndex([descriptor(signature)], { subject: image });
    const typed = makeArtifactIndex([], { subject: image, artifactType: 'application/vnd.example.set' });
    for (const { bytes, digest } of [plain, typed]) {
      house.upstream.addManifest(name, bytes);
      await house.mirror.manifest(hello, { digest }, 'GET');
    }

    const { descriptors } = await referrersOf(house, image.digest);

    const types = new Map(descriptors.map(({ digest, artifactType }) => [digest, artifactType]));
    expect(types.get(plain.digest)).toBeUndefined();
    expect(types.get(typed.digest)).toBe('application/vnd.example.set');
  });
});

describe('referrers with an upstream in trouble', () => {
  it('are answered from the cache, after a restart too', async () => {
    await using house = await houseWith([listedSignature]);
    await referrersOf(house, image.digest);
    house.upstream.before = unavailable;
    await house.restart();
    await house.clock.advance(60_000);

    expect(await referrersOf(house, image.digest)).toMatchObject({
      descriptors: [listedSignature],
      result: 'stale',
      warning: 'upstream refused the connection',
    });
  });

  it('are known to be none, once upstream has said so', async () => {
    await using house = await houseWith([]);
    await referrersOf(house, image.digest);
    house.upstream.before = unavailable;
    await house.restart();
    await house.clock.advance(60_000);

    expect(await referrersOf(house, image.digest)).toMatchObject({ descriptors: [], result: 'stale' });
  });

  it('do not wait once that is known', async () => {
    await using house = await houseWith([listedSignature]);
    await referrersOf(house, image.digest);
    await house.clock.advance(60_000);
    house.upstream.before = unavailable;
    await referrersOf(house, image.digest);
    const asked = house.upstream.requests.length;

    expect(await referrersOf(house, image.digest)).toMatchObject({ result: 'stale', upstreamMs: 0 });
    expect(house.upstream.requests).toHaveLength(asked);
  });

  it('wait 1.5 s for an upstream that does not answer, once', async () => {
    await using house = await houseWith([listedSignature]);
    await referrersOf(house, image.digest);
    await house.clock.advance(60_000);
    house.upstream.before = forever;

    const answer = referrersOf(house, image.digest);
    await house.clock.advance(1_500);

    await expect(answer).resolves.toMatchObject({
      descriptors: [listedSignature],
      result: 'stale',
      upstreamMs: 1_500,
      warning: 'upstream does not answer in time',
    });
    expect(await referrersOf(house, image.digest)).toMatchObject({ result: 'stale', upstreamMs: 0 });
  });

  it('are what is held, if upstream never listed any', async () => {
    await using house = await houseWith(undefined);
    house.upstream.addManifest(name, sbom.bytes);
    await house.mirror.manifest(hello, { digest: sbom.digest }, 'GET');
    house.upstream.before = unavailable;

    expect(await referrersOf(house, image.digest)).toMatchObject({
      descriptors: [listedSbom],
      result: 'stale',
    });
  });

  it('are what the cached referrers tag lists, if nobody ever asked for more than that tag', async () => {
    await using house = await houseWith(undefined);
    house.upstream.addManifest(name, makeArtifactIndex([listedSignature]).bytes, tag);
    await house.mirror.manifest(hello, byTag(tag), 'GET');
    house.upstream.before = unavailable;

    expect(await referrersOf(house, image.digest)).toMatchObject({
      descriptors: [listedSignature],
      result: 'stale',
    });
  });

  it('are not taken for fresh when only the tag is stale', async () => {
    await using house = await houseWith(undefined);
    house.upstream.addManifest(name, makeArtifactIndex([listedSignature]).bytes, tag);
    await referrersOf(house, image.digest);
    await house.clock.advance(60_000);
    house.upstream.before = (request) => {
      if (request.startsWith('HEAD')) unavailable();
    };

    const answers = [await referrersOf(house, image.digest), await referrersOf(house, image.digest)];

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
    await using house = await houseWith(undefined);
    house.upstream.before = () => {
      throw new UpstreamError(kind, 'trouble');
    };

    await expect(referrersOf(house, sbom.digest)).rejects.toMatchObject({ status });
  });

  it('of an image that is held are what is held of them, and stale, so that it can be pulled offline', async () => {
    await using house = await houseWith([listedSignature]);
    house.upstream.before = unavailable;

    expect(await referrersOf(house, image.digest)).toMatchObject({
      descriptors: [],
      result: 'stale',
      warning: 'upstream refused the connection',
    });

    house.upstream.before = () => undefined;
    expect(await referrersOf(house, image.digest)).toMatchObject({ descriptors: [listedSignature] });
  });

  it('of an image that is held are waited for longer than those that are known, but not for long', async () => {
    await using house = await houseWith([listedSignature]);
    house.upstream.before = () => house.clock.sleep(2_000);
    const slow = referrersOf(house, image.digest);
    await house.clock.advance(2_000);
    expect(await slow).toMatchObject({ descriptors: [listedSignature], result: 'miss' });

    await using silent = await houseWith([listedSignature]);
    silent.upstream.before = forever;
    for (const timeLimitMs of [5_000, 1_500]) {
      const answer = referrersOf(silent, image.digest);
      await silent.clock.advance(timeLimitMs);
      expect(await answer).toMatchObject({ descriptors: [], result: 'stale', upstreamMs: timeLimitMs });
    }
  });

  it('fail truthfully, too, where the API is missing and its substitute is in trouble', async () => {
    await using house = await houseWith(undefined);
    house.upstream.before = (request) => {
      if (request.startsWith('HEAD')) unavailable();
    };

    await expect(referrersOf(house, sbom.digest)).rejects.toMatchObject({ status: 503 });
  });
});

describe('what refers to an image', () => {
  it('stays as long as the image is used, bytes and all, and goes with it', async () => {
    const ttlMs = 10 * hour;
    await using house = await MirrorHouse.open({ space: { ttlMs } });
    house.upstream.addManifest(name, image.bytes, 'latest');
    house.upstream.addManifest(name, signature.bytes);
    for (const { bytes } of signature.blobs) house.upstream.addBlob(name, bytes);
    await house.mirror.manifest(hello, byTag('latest'), 'GET');
    await house.mirror.manifest(hello, { digest: signature.digest }, 'GET');
    for (const { digest } of signature.blobs) await readAll(await house.mirror.openBlob(hello, digest));
    const heldBytes = () => Promise.all(signature.blobs.map(({ digest }) => house.content.size(digest)));
    const expire = () => house.space.evictor.expire();
    await house.settled();

    for (let times = 0; times < 4; times += 1) {
      await house.clock.advance(ttlMs / 2);
      await house.mirror.manifest(hello, { digest: image.digest }, 'GET');
    }
    await expire();
    expect(await heldBytes()).toEqual(signature.blobs.map(({ size }) => size));
    const held = await house.metadata.manifestsOfSubject(
      { upstream: house.upstream.name, name: hello.name },
      image.digest,
    );
    expect(held.map(({ digest }) => digest)).toEqual([signature.digest]);

    await house.clock.advance(2 * ttlMs);
    await expire();
    expect(await heldBytes()).toEqual(signature.blobs.map(() => undefined));
  });
});
