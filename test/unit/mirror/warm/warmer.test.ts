import { describe, expect, it } from 'vitest';
import type { WarmedImage, WarmEvent } from '../../../../src/mirror/warm/schemas.ts';
import type { ContentStore } from '../../../../src/store/content-store.ts';
import { StoreError } from '../../../../src/store/store-error.ts';
import { makeArtifact, makeArtifactIndex } from '../../../support/artifact.ts';
import { within } from '../../../support/deadline.ts';
import { descriptor, makeImage, makeIndex, type Content, type Image } from '../../../support/image.ts';
import { MirrorFixture } from '../../../support/mirror-fixture.ts';
import type { ScriptedUpstream } from '../../../support/scripted-upstream.ts';
import { wrapped } from '../../../support/wrapped.ts';

const repository = 'library/app';

function addImage(upstream: ScriptedUpstream, image: Image, tag?: string, name = repository): void {
  for (const blob of [image.config, ...image.layers]) upstream.addBlob(name, blob.bytes);
  upstream.addManifest(name, image.bytes, tag);
}

interface Options {
  readonly platforms?: string;
  readonly pin?: boolean;
  readonly referrers?: boolean;
}

async function warm(
  { warmer }: MirrorFixture,
  references: readonly string[],
  { platforms = 'linux/amd64', pin = false, referrers = false }: Options = {},
): Promise<readonly WarmedImage[]> {
  const images = references.map((reference) => ({ reference, platforms, optional: null }));
  const events: WarmEvent[] = [];
  for await (const event of warmer.warm({ images, pin, referrers })) events.push(event);
  return events.flatMap((event) => (event.type === 'image' ? [event.image] : []));
}

function blobs(image: Image): readonly Content[] {
  return [image.config, ...image.layers];
}

describe('warming', () => {
  it('follows indexes in indexes', async () => {
    await using fixture = await MirrorFixture.open();
    const image = makeImage({ oci: true });
    const inner = makeIndex([image, makeImage({ seed: 2, oci: true })], { oci: true });
    const outer = makeArtifactIndex([descriptor(inner)]);
    addImage(fixture.upstream, image);
    fixture.upstream.addManifest(repository, inner.bytes);
    fixture.upstream.addManifest(repository, outer.bytes, '1');

    const [result] = await warm(fixture, ['app:1']);

    expect(result).toMatchObject({ state: 'complete', platforms: ['linux/amd64'], digest: outer.digest });
    for (const { digest } of blobs(image)) expect(await fixture.metadata.blob(digest)).toBeDefined();
  });

  it('says which platforms an image with nested indexes lacks', async () => {
    await using fixture = await MirrorFixture.open();
    const images = [makeImage({ oci: true }), makeImage({ seed: 2, oci: true })];
    const inner = makeIndex(images, { oci: true });
    const outer = makeArtifactIndex([descriptor(inner)]);
    for (const image of images) addImage(fixture.upstream, image);
    fixture.upstream.addManifest(repository, inner.bytes);
    fixture.upstream.addManifest(repository, outer.bytes, '1');

    expect(await warm(fixture, ['app:1'], { platforms: 'linux/s390x,linux/arm64' })).toMatchObject([
      {
        platforms: ['linux/arm64'],
        failures: [
          { what: 'linux/s390x', reason: 'the image is not for it: it has linux/amd64, linux/arm64' },
        ],
      },
    ]);
  });

  it('takes an image that runs on a platform, where there is none for it, and says so', async () => {
    await using fixture = await MirrorFixture.open();
    const image = makeImage({ oci: true });
    const entry = { ...descriptor(image), platform: { os: 'linux', architecture: '386' } };
    const index = makeArtifactIndex([entry]);
    addImage(fixture.upstream, image);
    fixture.upstream.addManifest(repository, index.bytes, '1');

    expect(await warm(fixture, ['app:1'])).toMatchObject([
      {
        state: 'complete',
        platforms: ['linux/386'],
        notes: ['it has no linux/amd64: linux/386 is taken, which runs there'],
      },
    ]);
  });

  it('leaves out what an index lists that is no manifest, and says so', async () => {
    await using fixture = await MirrorFixture.open();
    const image = makeImage({ oci: true });
    const weights = { mediaType: 'application/x-weights', digest: image.config.digest, size: 3 };
    const index = makeArtifactIndex([descriptor(image), weights]);
    addImage(fixture.upstream, image);
    fixture.upstream.addManifest(repository, index.bytes, '1');

    expect(await warm(fixture, ['app:1'])).toMatchObject([
      {
        state: 'complete',
        notes: [
          `${weights.digest} is left out, which is no manifest: application/x-weights`,
          'it does not say whether it is for linux/amd64',
        ],
      },
    ]);
  });

  it('says that an image has layers which clients fetch from elsewhere', async () => {
    await using fixture = await MirrorFixture.open();
    const image = makeImage({ oci: true });
    const foreign = {
      mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
      digest: image.digest,
      size: 10,
      urls: ['https://example.com/layer'],
    };
    const json = JSON.parse(image.bytes.toString()) as { readonly layers: readonly object[] };
    const bytes = Buffer.from(JSON.stringify({ ...json, layers: [foreign, ...json.layers] }));
    addImage(fixture.upstream, image);
    fixture.upstream.addManifest(repository, bytes, '1');

    expect(await warm(fixture, ['app:1'])).toMatchObject([
      { state: 'complete', notes: ['layers that clients fetch from elsewhere are not here: 1'] },
    ]);
  });

  it('fetches a layer that images share once, and counts it once', async () => {
    await using fixture = await MirrorFixture.open();
    const image = makeImage({ layers: [100_000, 50_000] });
    addImage(fixture.upstream, image, '1');
    addImage(fixture.upstream, image, '1', 'library/other');

    const results = await warm(fixture, ['app:1', 'other:1']);

    const [layer] = image.layers;
    expect(results).toMatchObject([{ state: 'complete' }, { state: 'complete' }]);
    expect(results.reduce((sum, { fetchedBytes }) => sum + fetchedBytes, 0)).toBe(
      150_000 + image.config.size,
    );
    expect(fixture.upstream.requests.filter((one) => one.includes(layer?.digest ?? ''))).toHaveLength(1);
  });

  it('takes a blob from the repository that gives it, where another refuses it', async () => {
    await using fixture = await MirrorFixture.open();
    const image = makeImage({ layers: [100_000] });
    // The manifest names it, but the registry has lost it there.
    fixture.upstream.addManifest(repository, image.bytes, '1');
    addImage(fixture.upstream, image, '1', 'library/other');

    const results = await warm(fixture, ['app:1', 'other:1']);

    expect(results.find(({ image: name }) => name.includes('other'))).toMatchObject({ state: 'complete' });
    expect(await warm(fixture, ['app:1'])).toMatchObject([{ state: 'complete', fetchedBytes: 0 }]);
  });

  it('sends no request for hundreds of images that are fresh and complete', async () => {
    await using fixture = await MirrorFixture.open({ inMemory: true });
    const names = Array.from({ length: 200 }, (_, index) => `library/app${index}`);
    const image = makeImage();
    for (const name of names) addImage(fixture.upstream, image, '1', name);
    const references = names.map((name) => `docker.io/${name}:1`);
    await warm(fixture, references);
    fixture.upstream.requests.length = 0;

    const results = await warm(fixture, references);

    expect(results.filter(({ state }) => state === 'complete')).toHaveLength(200);
    expect(fixture.upstream.requests).toEqual([]);
  });

  it('asks about a tag that is due by one HEAD, and fetches what it has become', async () => {
    await using fixture = await MirrorFixture.open();
    const [before, after] = [makeImage(), makeImage({ seed: 2 })];
    addImage(fixture.upstream, before, '1');
    await warm(fixture, ['app:1']);
    await fixture.clock.advance(3_600_000);
    fixture.upstream.requests.length = 0;
    await warm(fixture, ['app:1']);
    expect(fixture.upstream.requests).toEqual([`HEAD ${repository} 1`]);

    addImage(fixture.upstream, after, '1');
    await fixture.clock.advance(3_600_000);

    expect(await warm(fixture, ['app:1'])).toMatchObject([{ state: 'complete', digest: after.digest }]);
    expect(fixture.upstream.count('GET')).toBe(1);
  });

  it('takes no more of what refers to an image than a thousand, and says so', async () => {
    await using fixture = await MirrorFixture.open({ inMemory: true });
    const image = makeImage();
    addImage(fixture.upstream, image, '1');
    const signatures = Array.from({ length: 1001 }, (_, index) =>
      makeArtifact({ text: `signature ${index}`, subject: image }),
    );
    fixture.upstream.addReferrers(repository, image.digest, signatures.map(descriptor));

    const [result] = await warm(fixture, ['app:1'], { referrers: true });

    // None of them is there, and the last is not asked for.
    expect(result?.failures).toHaveLength(1000);
    expect(result?.failures[0]).toEqual({
      what: `referrers of ${image.digest}`,
      reason: 'there are more than 1000',
    });
    expect(fixture.upstream.count('GET')).toBe(1001);
  });

  it('says which part of an image could not be fetched, and fetches the others', async () => {
    await using fixture = await MirrorFixture.open();
    const [one, two] = [makeImage({ seed: 1, oci: true }), makeImage({ seed: 2, oci: true })];
    const index = makeIndex([one, two], { oci: true });
    addImage(fixture.upstream, two);
    fixture.upstream.addManifest(repository, index.bytes, '1');

    expect(await warm(fixture, ['app:1'], { platforms: 'linux/amd64,linux/arm64' })).toMatchObject([
      {
        state: 'failed',
        platforms: ['linux/arm64'],
        failures: [
          { what: 'linux/amd64', reason: expect.stringContaining('upstream does not have it') as string },
        ],
        fetchedBytes: blobs(two).reduce((sum, { size }) => sum + size, 0),
      },
    ]);
  });

  it('fails with the reason when the disk is full, and asks upstream for no more', async () => {
    await using fixture = await MirrorFixture.open({ wrapContent: fullDisk });
    const names = Array.from({ length: 20 }, (_, index) => `library/app${index}`);
    names.forEach((name, seed) => addImage(fixture.upstream, makeImage({ seed }), '1', name));

    const results = await warm(
      fixture,
      names.map((name) => `docker.io/${name}:1`),
    );

    expect(results).toHaveLength(20);
    expect(results.every(({ state }) => state === 'failed')).toBe(true);
    const reasons = results.flatMap(({ failures }) => failures.map(({ reason }) => reason));
    expect(reasons.filter((reason) => !reason.includes('the disk is full'))).toEqual([]);
    expect(fixture.upstream.count('GET')).toBeLessThan(10);
  });

  it('finds complete what is cached, even while nothing can be stored', async () => {
    await using fixture = await MirrorFixture.open();
    addImage(fixture.upstream, makeImage(), '1');
    addImage(fixture.upstream, makeImage({ seed: 2 }), '2');
    await warm(fixture, ['app:1']);
    fixture.space.health.failed(new StoreError('NO_SPACE', 'no'));

    expect(await warm(fixture, ['app:1'])).toMatchObject([{ state: 'complete' }]);
    expect(await warm(fixture, ['app:2'])).toMatchObject([{ state: 'failed' }]);
    expect(fixture.upstream.count('GET')).toBe(1);
  });

  it('keeps all that it has fetched until its end, whatever the limit', async () => {
    await using fixture = await MirrorFixture.open({ space: { maxsize: { bytes: 2_000_000 } } });
    const old = Array.from({ length: 4 }, (_, seed) => makeImage({ layers: [400_000], seed: 100 + seed }));
    old.forEach((image, index) => addImage(fixture.upstream, image, '1', `library/old${index}`));
    const fresh = Array.from({ length: 4 }, (_, seed) => makeImage({ layers: [400_000], seed }));
    fresh.forEach((image, index) => addImage(fixture.upstream, image, '1', `library/app${index}`));
    await warm(fixture, ['old0:1', 'old1:1', 'old2:1', 'old3:1']);

    const results = await warm(fixture, ['app0:1', 'app1:1', 'app2:1', 'app3:1']);
    await fixture.settled();

    expect(results.every(({ state }) => state === 'complete')).toBe(true);
    for (const image of fresh)
      for (const { digest } of blobs(image)) expect(await fixture.metadata.blob(digest)).toBeDefined();
  });

  it('ends what it has begun when it is left', async () => {
    await using fixture = await MirrorFixture.open();
    const image = makeImage({ layers: [100_000] });
    addImage(fixture.upstream, image, '1');
    const blocked = Promise.withResolvers<void>();
    fixture.upstream.body = async function* body(bytes, offset) {
      yield bytes.subarray(offset, offset + 10_000);
      await blocked.promise;
      yield bytes.subarray(offset + 10_000);
    };
    const warming = fixture.warmer.warm({
      images: [{ reference: 'app:1', platforms: 'linux/amd64', optional: null }],
      referrers: false,
      pin: false,
    });
    for await (const event of warming) {
      if (event.type !== 'resolved') continue;
      setTimeout(() => blocked.resolve(), 50);
      break;
    }

    await within(60_000, 'the end of fills', fixture.settled());
    expect(fixture.space.inUse.has(image.config.digest)).toBe(false);
  });

  it('refuses what is no image, or no platform', async () => {
    await using fixture = await MirrorFixture.open();

    await expect(warm(fixture, ['No Image'])).rejects.toMatchObject({ name: 'CareError', kind: 'invalid' });
    await expect(warm(fixture, ['app'], { platforms: 'banana' })).rejects.toMatchObject({ kind: 'invalid' });
  });

  it('says of a registry that is not mirrored that it is not', async () => {
    await using fixture = await MirrorFixture.open({
      access: { mirror: { allow: [], deny: ['docker.io/acme/*'] } },
    });
    addImage(fixture.upstream, makeImage(), '1', 'acme/app');

    expect(await warm(fixture, ['quay.io/acme/app:1', 'acme/app:1'])).toMatchObject([
      { failures: [{ reason: 'quay.io is not mirrored here; this mirror serves docker.io' }] },
      { failures: [{ reason: 'this repository is not mirrored here' }] },
    ]);
    expect(fixture.upstream.requests).toEqual([]);
  });
});

function fullDisk(content: ContentStore): ContentStore {
  return wrapped(content, {
    ingest: () => Promise.reject(new StoreError('NO_SPACE', 'no')),
  });
}
