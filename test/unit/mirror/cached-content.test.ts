import { describe, expect, it, vi } from 'vitest';
import type { Mirror, PullTarget } from '../../../src/mirror/mirror.ts';
import { anonymous } from '../../../src/mirror/access/reader.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import type { MetadataStore } from '../../../src/store/metadata-store.ts';
import { StoreError } from '../../../src/store/store-error.ts';
import { makeArtifact } from '../../support/artifact.ts';
import { makeImage } from '../../support/image.ts';
import {
  byTag,
  fromWebPage,
  MirrorFixture,
  readAll,
  somebody,
  target,
  type MirrorFixtureOptions,
} from '../../support/mirror-fixture.ts';
import { ScriptedUpstream } from '../../support/scripted-upstream.ts';

const name = 'library/hello';
const hello = target(name);
const image = makeImage({ oci: true });
const other = makeImage({ oci: true, seed: 2 });
const signature = makeArtifact({ artifactType: 'application/vnd.example.signature', subject: image });
const latest = byTag('latest');
const day = 24 * 60 * 60 * 1000;

/** A mirror that has pulled `hello:latest` whole; upstream has `hello:next`, too. */
async function fixtureWithImage(options: MirrorFixtureOptions = {}): Promise<MirrorFixture> {
  const fixture = await MirrorFixture.open(options);
  for (const { bytes } of [image, other].flatMap(({ config, layers }) => [config, ...layers])) {
    fixture.upstream.addBlob(name, bytes);
  }
  fixture.upstream.addManifest(name, image.bytes, 'latest');
  fixture.upstream.addManifest(name, other.bytes, 'next');
  await pull(fixture, target(name, undefined, somebody('alice')));
  return fixture;
}

async function pull(fixture: MirrorFixture, from: PullTarget): Promise<void> {
  await fixture.mirror.manifest(from, latest, 'GET');
  await readAll(await fixture.mirror.openBlob(from, image.config.digest));
  await vi.waitFor(async () => expect(await fixture.metadata.blob(image.config.digest)).toBeDefined());
  fixture.upstream.requests.length = 0;
}

/** All that a web page can ask of a repository. */
function everything(mirror: Mirror, asked: PullTarget, tag = latest): readonly (() => Promise<unknown>)[] {
  return [
    () => mirror.manifest(asked, tag, 'GET'),
    () => mirror.manifest(asked, tag, 'HEAD'),
    () => mirror.manifest(asked, { digest: image.digest }, 'GET'),
    () => mirror.statBlob(asked, image.config.digest),
    async () => readAll(await mirror.openBlob(asked, image.config.digest)),
    () => mirror.tags(asked),
    () => mirror.referrers(asked, image.digest, undefined),
  ];
}

describe('a web page', () => {
  const page = fromWebPage(hello);

  it('is shown what is held, and no upstream hears of it', async () => {
    await using fixture = await fixtureWithImage();
    const { mirror } = fixture;

    expect(await mirror.manifest(page, latest, 'GET')).toMatchObject({
      descriptor: { digest: image.digest, mediaType: image.mediaType },
      bytes: image.bytes,
      result: 'hit',
      warning: undefined,
    });
    expect((await mirror.manifest(page, { digest: image.digest }, 'GET')).bytes).toEqual(image.bytes);
    expect(await readAll(await mirror.openBlob(page, image.config.digest))).toEqual(image.config.bytes);
    expect((await mirror.statBlob(page, image.config.digest)).size).toBe(image.config.size);
    expect(fixture.upstream.requests).toEqual([]);
  });

  it('is shown a tag that is due as it is here, and does not cause it to be confirmed', async () => {
    await using fixture = await fixtureWithImage();
    fixture.upstream.moveTag(name, 'latest', other.digest);
    await fixture.clock.advance(30 * day);

    const { descriptor } = await fixture.mirror.manifest(page, latest, 'GET');

    expect(descriptor.digest).toBe(image.digest);
    expect(fixture.upstream.requests).toEqual([]);
  });

  it('sees only the tags that are held, also where the whole list of upstream is known', async () => {
    await using fixture = await fixtureWithImage();
    expect((await fixture.mirror.tags(hello)).tags).toEqual(['latest', 'next']);
    fixture.upstream.requests.length = 0;

    expect((await fixture.mirror.tags(page)).tags).toEqual(['latest']);
    expect(fixture.upstream.requests).toEqual([]);
  });

  it('sees the referrers that are held or were listed once, and that there are none', async () => {
    await using fixture = await fixtureWithImage();
    expect((await fixture.mirror.referrers(page, image.digest, undefined)).descriptors).toEqual([]);
    fixture.upstream.addManifest(name, signature.bytes, 'signature');
    await fixture.mirror.manifest(hello, byTag('signature'), 'GET');
    fixture.upstream.requests.length = 0;

    const { descriptors } = await fixture.mirror.referrers(page, image.digest, undefined);
    expect(descriptors.map(({ digest }) => digest)).toEqual([signature.digest]);
    await expect(fixture.mirror.referrers(page, other.digest, undefined)).rejects.toMatchObject({
      status: 404,
      code: 'NAME_UNKNOWN',
    });
    expect(fixture.upstream.requests).toEqual([]);
  });

  it('is told that what is not held is not cached', async () => {
    await using fixture = await fixtureWithImage();
    const { mirror } = fixture;

    for (const reference of [byTag('next'), { digest: other.digest }]) {
      await expect(mirror.manifest(page, reference, 'GET')).rejects.toMatchObject({
        code: 'MANIFEST_UNKNOWN',
        status: 404,
        message: 'this manifest is not cached here',
      });
    }
    const [layer] = image.layers;
    if (layer === undefined) throw new Error('the image has no layer');
    // Its size is known from the manifest, its bytes are not here.
    for (const digest of [layer.digest, other.config.digest]) {
      await expect(mirror.openBlob(page, digest)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
      await expect(mirror.statBlob(page, digest)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
    }
    await expect(mirror.tags(fromWebPage(target('library/nothing')))).rejects.toMatchObject({
      code: 'NAME_UNKNOWN',
    });
    expect(fixture.upstream.requests).toEqual([]);
  });

  it('does not count as a use: what only web pages look at expires', async () => {
    const touched: Digest[] = [];
    await using fixture = await fixtureWithImage({ wrapMetadata: (metadata) => noting(metadata, touched) });
    touched.length = 0;

    for (const ask of everything(fixture.mirror, page)) await ask();
    expect(touched).toEqual([]);
    await fixture.mirror.manifest(hello, latest, 'GET');
    expect(touched).toEqual([image.digest]);
  });

  it('is told when the cache cannot be read, rather than that nothing is there', async () => {
    let broken = false;
    await using fixture = await fixtureWithImage({
      wrapMetadata: (metadata) => failing(metadata, () => broken),
    });
    broken = true;
    await expect(fixture.mirror.tags(page)).rejects.toMatchObject({ status: 503, code: 'UNAVAILABLE' });
    await expect(fixture.mirror.manifest(page, latest, 'GET')).rejects.toMatchObject({ status: 503 });
  });

  it('finds what is cached, and does not search Docker Hub', async () => {
    await using fixture = await fixtureWithImage();
    const query = { reader: anonymous, term: 'hello', limit: 10 };
    fixture.upstream.found = [
      { name: 'hello-world', description: '', starCount: 1, isOfficial: true, isAutomated: false },
    ];

    const { results } = await fixture.mirror.search({ ...query, cachedOnly: true });

    expect(results.map((result) => result.name)).toEqual([name]);
    expect(fixture.upstream.requests).toEqual([]);
    expect((await fixture.mirror.search(query)).results.map((result) => result.name)).toEqual([
      'hello-world',
    ]);
  });

  it('finds a short name under library/, too, where names may mean both', async () => {
    const upstream = new ScriptedUpstream('registry.corp');
    await using fixture = await fixtureWithImage({ upstream });
    const short = fromWebPage(target('hello'));

    expect((await fixture.mirror.manifest(short, latest, 'GET')).bytes).toEqual(image.bytes);
    expect((await fixture.mirror.tags(short)).tags).toEqual(['latest']);
    expect(upstream.requests).toEqual([]);
  });
});

describe('a web page of somebody who has not logged in', () => {
  const page = fromWebPage(hello);
  const alice = target(name, undefined, somebody('alice'));

  async function guarded(...open: readonly string[]): Promise<MirrorFixture> {
    const upstream = new ScriptedUpstream('registry.corp').guard(...open);
    const fixture = await MirrorFixture.open({ upstream });
    upstream.addManifest(name, image.bytes, 'latest');
    for (const { bytes } of [image.config, ...image.layers]) upstream.addBlob(name, bytes);
    await pull(fixture, alice);
    return fixture;
  }

  async function answers(fixture: MirrorFixture, asked: PullTarget): Promise<readonly unknown[]> {
    const outcomes = everything(fixture.mirror, asked).map((ask) =>
      ask().then(
        () => 'shown',
        (error: unknown) => error,
      ),
    );
    const settled = await Promise.all(outcomes);
    expect(fixture.upstream.requests).toEqual([]);
    return settled;
  }

  const shown = Array<string>(7).fill('shown');

  it('is hidden what upstream was never seen to show to everybody, as if it did not exist', async () => {
    await using fixture = await guarded();

    const refusals = await answers(fixture, page);
    expect(refusals).not.toContain('shown');
    for (const refusal of refusals) expect(refusal).toMatchObject({ status: 404, hidden: true });
    expect(fixture.upstream.anonymous?.requests).toEqual([]);
    // Who may read all of it is shown it without a question, too.
    expect(await answers(fixture, fromWebPage(alice))).toEqual(shown);
  });

  it('is shown what upstream has shown to everybody, for a day', async () => {
    await using fixture = await guarded(name);
    await fixture.mirror.manifest(hello, latest, 'GET');
    const asked = fixture.upstream.anonymous?.requests.length;
    fixture.upstream.withdraw(name);

    await fixture.clock.advance(day - 1);
    expect(await answers(fixture, page)).toEqual(shown);
    await fixture.restart();
    expect(await answers(fixture, page)).toEqual(shown);
    // It cannot be kept open by asking in a way that never finds out that it was made private.
    await fixture.clock.advance(1);
    expect(await answers(fixture, page)).not.toContain('shown');
    expect(fixture.upstream.anonymous?.requests.length).toBe(asked);
  });

  it("is shown what the client's own credentials were found to open, for as long as that counts", async () => {
    await using fixture = await guarded();
    const credentials = { username: 'bob', password: 'secret' };
    fixture.upstream.grant(credentials, name);
    const bob = target(name, undefined, { ...anonymous, credentials });
    expect(await answers(fixture, fromWebPage(bob))).not.toContain('shown');

    await fixture.mirror.manifest(bob, latest, 'GET');
    const asked = fixture.upstream.requestsOfAccounts.length;
    expect(await answers(fixture, fromWebPage(bob))).toEqual(shown);
    const guess = { ...credentials, password: 'guess' };
    expect(
      await answers(fixture, fromWebPage(target(name, undefined, { ...anonymous, credentials: guess }))),
    ).not.toContain('shown');
    expect(fixture.upstream.requestsOfAccounts.length).toBe(asked);
  });

  it('is refused what the rules refuse', async () => {
    const rules = [{ match: `docker.io/${name}`, allow: ['user:alice'] }];
    await using fixture = await fixtureWithImage({ access: { rules } });
    await expect(fixture.mirror.tags(page)).rejects.toMatchObject({ status: 401 });
    await expect(
      fixture.mirror.tags(fromWebPage(target(name, undefined, somebody('bob')))),
    ).rejects.toMatchObject({ status: 403 });
    expect((await fixture.mirror.tags(fromWebPage(alice))).tags).toEqual(['latest']);
  });
});

/** Notes what is used. */
function noting(metadata: MetadataStore, touched: Digest[]): MetadataStore {
  return intercepted(metadata, (member, parameters) => {
    if (member === 'touch') touched.push(...(parameters[0] as readonly Digest[]));
  });
}

/** Fails whatever is read while `broken` says so. */
function failing(metadata: MetadataStore, broken: () => boolean): MetadataStore {
  return intercepted(metadata, (member) =>
    broken() && (member === 'tag' || member === 'tags')
      ? Promise.reject(new StoreError('IO', 'the disk cannot be read'))
      : undefined,
  );
}

function intercepted(
  metadata: MetadataStore,
  before: (member: string | symbol, parameters: readonly unknown[]) => Promise<unknown> | void,
): MetadataStore {
  return new Proxy(metadata, {
    get(store, name) {
      const member: unknown = Reflect.get(store, name, store);
      if (typeof member !== 'function') return member;
      return (...parameters: readonly unknown[]): unknown =>
        before(name, parameters) ?? Reflect.apply(member, store, parameters);
    },
  });
}
