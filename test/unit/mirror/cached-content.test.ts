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
  MirrorHouse,
  readAll,
  somebody,
  target,
  type MirrorHouseOptions,
} from '../../support/mirror-house.ts';
import { ScriptedUpstream } from '../../support/scripted-upstream.ts';

const name = 'library/hello';
const hello = target(name);
const image = makeImage({ oci: true });
const other = makeImage({ oci: true, seed: 2 });
const signature = makeArtifact({ artifactType: 'application/vnd.example.signature', subject: image });
const latest = byTag('latest');
const day = 24 * 60 * 60 * 1000;

/** A mirror that has pulled `hello:latest` whole; upstream has `hello:next`, too. */
async function houseWithImage(options: MirrorHouseOptions = {}): Promise<MirrorHouse> {
  const house = await MirrorHouse.open(options);
  for (const { bytes } of [image, other].flatMap(({ config, layers }) => [config, ...layers])) {
    house.upstream.addBlob(name, bytes);
  }
  house.upstream.addManifest(name, image.bytes, 'latest');
  house.upstream.addManifest(name, other.bytes, 'next');
  await pull(house, target(name, undefined, somebody('alice')));
  return house;
}

async function pull(house: MirrorHouse, from: PullTarget): Promise<void> {
  await house.mirror.manifest(from, latest, 'GET');
  await readAll(await house.mirror.openBlob(from, image.config.digest));
  await vi.waitFor(async () => expect(await house.metadata.blob(image.config.digest)).toBeDefined());
  house.upstream.requests.length = 0;
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
    await using house = await houseWithImage();
    const { mirror } = house;

    expect(await mirror.manifest(page, latest, 'GET')).toMatchObject({
      descriptor: { digest: image.digest, mediaType: image.mediaType },
      bytes: image.bytes,
      result: 'hit',
      warning: undefined,
    });
    expect((await mirror.manifest(page, { digest: image.digest }, 'GET')).bytes).toEqual(image.bytes);
    expect(await readAll(await mirror.openBlob(page, image.config.digest))).toEqual(image.config.bytes);
    expect((await mirror.statBlob(page, image.config.digest)).size).toBe(image.config.size);
    expect(house.upstream.requests).toEqual([]);
  });

  it('is shown a tag that is due as it is here, and does not cause it to be confirmed', async () => {
    await using house = await houseWithImage();
    house.upstream.moveTag(name, 'latest', other.digest);
    await house.clock.advance(30 * day);

    const { descriptor } = await house.mirror.manifest(page, latest, 'GET');

    expect(descriptor.digest).toBe(image.digest);
    expect(house.upstream.requests).toEqual([]);
  });

  it('sees only the tags that are held, also where the whole list of upstream is known', async () => {
    await using house = await houseWithImage();
    expect((await house.mirror.tags(hello)).tags).toEqual(['latest', 'next']);
    house.upstream.requests.length = 0;

    expect((await house.mirror.tags(page)).tags).toEqual(['latest']);
    expect(house.upstream.requests).toEqual([]);
  });

  it('sees the referrers that are held or were listed once, and that there are none', async () => {
    await using house = await houseWithImage();
    expect((await house.mirror.referrers(page, image.digest, undefined)).descriptors).toEqual([]);
    house.upstream.addManifest(name, signature.bytes, 'signature');
    await house.mirror.manifest(hello, byTag('signature'), 'GET');
    house.upstream.requests.length = 0;

    const { descriptors } = await house.mirror.referrers(page, image.digest, undefined);
    expect(descriptors.map(({ digest }) => digest)).toEqual([signature.digest]);
    await expect(house.mirror.referrers(page, other.digest, undefined)).rejects.toMatchObject({
      status: 404,
      code: 'NAME_UNKNOWN',
    });
    expect(house.upstream.requests).toEqual([]);
  });

  it('is told that what is not held is not cached', async () => {
    await using house = await houseWithImage();
    const { mirror } = house;

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
    expect(house.upstream.requests).toEqual([]);
  });

  it('does not count as a use: what only web pages look at expires', async () => {
    const touched: Digest[] = [];
    await using house = await houseWithImage({ wrapMetadata: (metadata) => noting(metadata, touched) });
    touched.length = 0;

    for (const ask of everything(house.mirror, page)) await ask();
    expect(touched).toEqual([]);
    await house.mirror.manifest(hello, latest, 'GET');
    expect(touched).toEqual([image.digest]);
  });

  it('is told when the cache cannot be read, rather than that nothing is there', async () => {
    let broken = false;
    await using house = await houseWithImage({
      wrapMetadata: (metadata) => failing(metadata, () => broken),
    });
    broken = true;
    await expect(house.mirror.tags(page)).rejects.toMatchObject({ status: 503, code: 'UNAVAILABLE' });
    await expect(house.mirror.manifest(page, latest, 'GET')).rejects.toMatchObject({ status: 503 });
  });

  it('finds what is cached, and does not search Docker Hub', async () => {
    await using house = await houseWithImage();
    const query = { reader: anonymous, term: 'hello', limit: 10 };
    house.upstream.found = [
      { name: 'hello-world', description: '', starCount: 1, isOfficial: true, isAutomated: false },
    ];

    const { results } = await house.mirror.search({ ...query, cachedOnly: true });

    expect(results.map((result) => result.name)).toEqual([name]);
    expect(house.upstream.requests).toEqual([]);
    expect((await house.mirror.search(query)).results.map((result) => result.name)).toEqual(['hello-world']);
  });

  it('finds a short name under library/, too, where names may mean both', async () => {
    const upstream = new ScriptedUpstream('registry.corp');
    await using house = await houseWithImage({ upstream });
    const short = fromWebPage(target('hello'));

    expect((await house.mirror.manifest(short, latest, 'GET')).bytes).toEqual(image.bytes);
    expect((await house.mirror.tags(short)).tags).toEqual(['latest']);
    expect(upstream.requests).toEqual([]);
  });
});

describe('a web page of somebody who has not logged in', () => {
  const page = fromWebPage(hello);
  const alice = target(name, undefined, somebody('alice'));

  async function guarded(...open: readonly string[]): Promise<MirrorHouse> {
    const upstream = new ScriptedUpstream('registry.corp').guard(...open);
    const house = await MirrorHouse.open({ upstream });
    upstream.addManifest(name, image.bytes, 'latest');
    for (const { bytes } of [image.config, ...image.layers]) upstream.addBlob(name, bytes);
    await pull(house, alice);
    return house;
  }

  async function answers(house: MirrorHouse, asked: PullTarget): Promise<readonly unknown[]> {
    const outcomes = everything(house.mirror, asked).map((ask) =>
      ask().then(
        () => 'shown',
        (error: unknown) => error,
      ),
    );
    const settled = await Promise.all(outcomes);
    expect(house.upstream.requests).toEqual([]);
    return settled;
  }

  const shown = Array<string>(7).fill('shown');

  it('is hidden what upstream was never seen to show to everybody, as if it did not exist', async () => {
    await using house = await guarded();

    const refusals = await answers(house, page);
    expect(refusals).not.toContain('shown');
    for (const refusal of refusals) expect(refusal).toMatchObject({ status: 404, hidden: true });
    expect(house.upstream.anonymous?.requests).toEqual([]);
    // Who may read all of it is shown it without a question, too.
    expect(await answers(house, fromWebPage(alice))).toEqual(shown);
  });

  it('is shown what upstream has shown to everybody, for a day', async () => {
    await using house = await guarded(name);
    await house.mirror.manifest(hello, latest, 'GET');
    const asked = house.upstream.anonymous?.requests.length;
    house.upstream.withdraw(name);

    await house.clock.advance(day - 1);
    expect(await answers(house, page)).toEqual(shown);
    await house.restart();
    expect(await answers(house, page)).toEqual(shown);
    // It cannot be kept open by asking in a way that never finds out that it was made private.
    await house.clock.advance(1);
    expect(await answers(house, page)).not.toContain('shown');
    expect(house.upstream.anonymous?.requests.length).toBe(asked);
  });

  it("is shown what the client's own credentials were found to open, for as long as that counts", async () => {
    await using house = await guarded();
    const credentials = { username: 'bob', password: 'secret' };
    house.upstream.grant(credentials, name);
    const bob = target(name, undefined, { ...anonymous, credentials });
    expect(await answers(house, fromWebPage(bob))).not.toContain('shown');

    await house.mirror.manifest(bob, latest, 'GET');
    const asked = house.upstream.requestsOfAccounts.length;
    expect(await answers(house, fromWebPage(bob))).toEqual(shown);
    const guess = { ...credentials, password: 'guess' };
    expect(
      await answers(house, fromWebPage(target(name, undefined, { ...anonymous, credentials: guess }))),
    ).not.toContain('shown');
    expect(house.upstream.requestsOfAccounts.length).toBe(asked);
  });

  it('is refused what the rules refuse', async () => {
    const rules = [{ match: `docker.io/${name}`, allow: ['user:alice'] }];
    await using house = await houseWithImage({ access: { rules } });
    await expect(house.mirror.tags(page)).rejects.toMatchObject({ status: 401 });
    await expect(
      house.mirror.tags(fromWebPage(target(name, undefined, somebody('bob')))),
    ).rejects.toMatchObject({ status: 403 });
    expect((await house.mirror.tags(fromWebPage(alice))).tags).toEqual(['latest']);
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
