import { describe, expect, it } from 'vitest';
import { UpstreamError, type UpstreamErrorKind } from '../../../../src/upstream/registry.ts';
import { makeArtifact } from '../../../support/artifact.ts';
import { makeImage } from '../../../support/image.ts';
import { byTag, MirrorFixture, target } from '../../../support/mirror-fixture.ts';
import { ScriptedUpstream } from '../../../support/scripted-upstream.ts';

const name = 'library/hello';
const hello = target(name);
const image = makeImage({ oci: true });
const stem = image.digest.replace(':', '-');
const signatureTag = byTag(`${stem}.sig`);

const absent = { code: 'MANIFEST_UNKNOWN', status: 404 };

/** A mirror that holds the image, and was told that there are no such tags. */
async function fixtureWithout(...suffixes: readonly string[]): Promise<MirrorFixture> {
  const fixture = await MirrorFixture.open();
  fixture.upstream.addManifest(name, image.bytes, 'latest');
  await fixture.mirror.manifest(hello, byTag('latest'), 'GET');
  for (const suffix of suffixes) expect(await asked(fixture, suffix)).toMatchObject(absent);
  return fixture;
}

/** What a client hears that asks for a tag of the image. */
async function asked(fixture: MirrorFixture, suffix: string): Promise<unknown> {
  return fixture.mirror.manifest(hello, byTag(stem + suffix), 'GET').catch((error: unknown) => error);
}

function fail(fixture: MirrorFixture, kind: UpstreamErrorKind, status?: number): void {
  fixture.upstream.before = () => {
    throw new UpstreamError(kind, 'upstream is in trouble', { status });
  };
}

describe('a tag that a held image was known not to have', () => {
  // skopeo and podman with use-sigstore-attachments ask for the first, cosign for all.
  it.each(['.sig', '.att', '.sbom', ''])(
    'is absent in an outage as well, and after a restart: %s',
    async (suffix) => {
      await using fixture = await fixtureWithout(suffix);
      fail(fixture, 'unavailable');
      expect(await asked(fixture, suffix)).toMatchObject(absent);

      await fixture.restart();
      fail(fixture, 'unavailable');

      expect(await asked(fixture, suffix)).toMatchObject(absent);
    },
  );

  it.each<[UpstreamErrorKind, number | undefined]>([
    ['unavailable', undefined],
    ['unavailable', 500],
    ['unavailable', 503],
    ['timeout', undefined],
    ['rate-limited', 429],
  ])('is absent while upstream is %s, %s', async (kind, status) => {
    await using fixture = await fixtureWithout('.sig');
    fail(fixture, kind, status);

    await expect(fixture.mirror.manifest(hello, signatureTag, 'GET')).rejects.toMatchObject(absent);
    await expect(fixture.mirror.manifest(hello, signatureTag, 'HEAD')).rejects.toMatchObject(absent);
  });

  it('is absent at once while upstream is known to be in trouble, which is not asked', async () => {
    await using fixture = await fixtureWithout('.sig');
    fail(fixture, 'unavailable');
    expect(await asked(fixture, '.sig')).toMatchObject(absent);
    fixture.upstream.requests.length = 0;

    expect(await asked(fixture, '.sig')).toMatchObject(absent);

    expect(fixture.upstream.requests).toEqual([]);
  });

  it('is absent after a second and a half where upstream does not answer', async () => {
    await using fixture = await fixtureWithout('.sig');
    fixture.upstream.before = () => new Promise(() => undefined);
    const answer = fixture.mirror.manifest(hello, signatureTag, 'GET').catch((error: unknown) => error);

    await fixture.clock.advance(1_500);

    expect(await answer).toMatchObject(absent);
  });

  it('is asked for as ever while upstream answers, and found when it is there', async () => {
    await using fixture = await fixtureWithout('.sig');
    fixture.upstream.requests.length = 0;
    expect(await asked(fixture, '.sig')).toMatchObject(absent);
    expect(fixture.upstream.requests).toHaveLength(1);
    const signature = makeArtifact();
    fixture.upstream.addManifest(name, signature.bytes, `${stem}.sig`);

    expect((await fixture.mirror.manifest(hello, signatureTag, 'GET')).descriptor.digest).toBe(
      signature.digest,
    );

    fail(fixture, 'unavailable');
    expect((await fixture.mirror.manifest(hello, signatureTag, 'GET')).descriptor.digest).toBe(
      signature.digest,
    );
  });

  it('is absent where upstream had it once, and it was dropped since', async () => {
    await using fixture = await MirrorFixture.open({ policy: { gone: 'drop' } });
    fixture.upstream.addManifest(name, image.bytes, 'latest');
    fixture.upstream.addManifest(name, makeArtifact().bytes, `${stem}.sig`);
    await fixture.mirror.manifest(hello, byTag('latest'), 'GET');
    await fixture.mirror.manifest(hello, signatureTag, 'GET');
    fixture.upstream.removeTag(name, `${stem}.sig`);
    await fixture.clock.advance(61_000);
    expect(await asked(fixture, '.sig')).toMatchObject(absent);
    fail(fixture, 'unavailable');

    expect(await asked(fixture, '.sig')).toMatchObject(absent);
  });

  it('is absent by a short name, too, that means a repository below library/', async () => {
    const upstream = new ScriptedUpstream('registry.example');
    await using fixture = await MirrorFixture.open({ upstream });
    upstream.addManifest(name, image.bytes, 'latest');
    const short = target('hello');
    await fixture.mirror.manifest(short, byTag('latest'), 'GET');
    await expect(fixture.mirror.manifest(short, signatureTag, 'GET')).rejects.toMatchObject(absent);
    await fixture.restart();
    fail(fixture, 'unavailable');

    await expect(fixture.mirror.manifest(short, signatureTag, 'GET')).rejects.toMatchObject(absent);
  });
});

describe('a tag of which nothing is known', () => {
  it('is not absent because upstream is away: not if it was never asked for', async () => {
    await using fixture = await fixtureWithout('.att');
    fail(fixture, 'unavailable');

    await expect(fixture.mirror.manifest(hello, signatureTag, 'GET')).rejects.toMatchObject({ status: 503 });
  });

  it('nor if its image is not held', async () => {
    await using fixture = await fixtureWithout();
    const foreign = byTag(`${makeImage({ seed: 2 }).digest.replace(':', '-')}.sig`);
    await expect(fixture.mirror.manifest(hello, foreign, 'GET')).rejects.toMatchObject(absent);
    fail(fixture, 'unavailable');

    await expect(fixture.mirror.manifest(hello, foreign, 'GET')).rejects.toMatchObject({ status: 503 });
  });

  it('nor if it belongs to no image', async () => {
    await using fixture = await fixtureWithout();
    await expect(fixture.mirror.manifest(hello, byTag('1.0'), 'GET')).rejects.toMatchObject(absent);
    fail(fixture, 'unavailable');

    await expect(fixture.mirror.manifest(hello, byTag('1.0'), 'GET')).rejects.toMatchObject({ status: 503 });
  });

  it('nor if upstream refuses it', async () => {
    await using fixture = await fixtureWithout('.sig');
    fail(fixture, 'denied', 403);

    await expect(fixture.mirror.manifest(hello, signatureTag, 'GET')).rejects.toMatchObject({ status: 403 });
  });
});

describe('the list of referrers of an image that had none, of a registry without the API', () => {
  it('is empty in an outage, with a warning, and is asked for again afterwards', async () => {
    await using fixture = await fixtureWithout();
    const list = () => fixture.mirror.referrers(hello, image.digest, undefined);
    expect(await list()).toMatchObject({ descriptors: [], warning: undefined });
    await fixture.clock.advance(61_000);
    fail(fixture, 'unavailable');

    expect(await list()).toMatchObject({ descriptors: [], warning: expect.any(String) as unknown });

    fixture.upstream.before = () => undefined;
    await fixture.clock.advance(2_000);
    expect(await list()).toMatchObject({ descriptors: [], warning: undefined });
  });
});
