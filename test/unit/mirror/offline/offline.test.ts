import { describe, expect, it } from 'vitest';
import { UpstreamError } from '../../../../src/upstream/registry.ts';
import { eventually } from '../../../support/deadline.ts';
import { makeImage, makeIndex } from '../../../support/image.ts';
import { byTag, MirrorFixture, readAll, somebody, target } from '../../../support/mirror-fixture.ts';
import { ScriptedUpstream } from '../../../support/scripted-upstream.ts';

const node = target('library/node');
const twenty = byTag('20');
const image = makeImage({ layers: [300_000] });
const [layer = image.config] = image.layers;
const arm = makeImage({ seed: 2 });
const month = 31 * 24 * 60 * 60_000;

/** An upstream with node:20, 20-alpine and 18-alpine, all of them the same image. */
function nodes(): ScriptedUpstream {
  const upstream = new ScriptedUpstream();
  for (const tag of ['20', '20-alpine', '18-alpine']) upstream.addManifest('library/node', image.bytes, tag);
  for (const { bytes } of [image.config, ...image.layers]) upstream.addBlob('library/node', bytes);
  return upstream;
}

/** A mirror that has cached what was pulled, has gone offline a month ago, and has asked nothing since. */
async function offline(
  pull: (fixture: MirrorFixture) => Promise<unknown>,
  options: Parameters<typeof MirrorFixture.open>[0] = {},
): Promise<MirrorFixture> {
  const fixture = await MirrorFixture.open({ upstream: nodes(), ...options });
  await pull(fixture);
  await fixture.settled();
  fixture.connectivity.goOffline();
  await fixture.clock.advance(month);
  fixture.upstream.requests.length = 0;
  return fixture;
}

async function pullTags(fixture: MirrorFixture, ...tags: readonly string[]): Promise<void> {
  for (const tag of tags) await fixture.mirror.manifest(node, byTag(tag), 'GET');
}

describe('a mirror that is offline', () => {
  it('gives tags as they were last seen, however old, and may repeat the answer from memory', async () => {
    await using fixture = await offline((one) => pullTags(one, '20'));

    const answer = await fixture.mirror.manifest(node, twenty, 'GET');

    expect(answer).toMatchObject({ result: 'hit', bytes: image.bytes, upstreamMs: 0, warning: undefined });
    expect(answer.validity?.holds()).toBe(true);
    expect(fixture.upstream.requests).toEqual([]);
  });

  it('asks about due tags as soon as it is online again', async () => {
    await using fixture = await offline((one) => pullTags(one, '20'));
    const { validity } = await fixture.mirror.manifest(node, twenty, 'GET');

    fixture.connectivity.goOnline();

    expect(validity?.holds()).toBe(false);
    await fixture.mirror.manifest(node, twenty, 'GET');
    expect(fixture.upstream.requests).toEqual(['HEAD library/node 20']);
  });

  it.each(['GET', 'HEAD'] as const)(
    'answers %s of what is not cached with the nearest tags',
    async (method) => {
      await using fixture = await offline((one) => pullTags(one, '20', '18-alpine'));

      await expect(fixture.mirror.manifest(node, byTag('18'), method)).rejects.toMatchObject({
        code: 'MANIFEST_UNKNOWN',
        status: 404,
        message: 'the mirror is offline, and node:18 is not cached; cached: node:18-alpine, node:20',
      });
      expect(fixture.upstream.requests).toEqual([]);
    },
  );

  it('names the nearest repositories where nothing of one is cached', async () => {
    await using fixture = await offline((one) => pullTags(one, '20'));

    await expect(fixture.mirror.manifest(target('library/nodejs'), byTag('20'), 'GET')).rejects.toMatchObject(
      {
        message: 'the mirror is offline, and nodejs:20 is not cached; cached: node',
      },
    );
    await expect(fixture.mirror.tags(target('library/mysql'))).rejects.toMatchObject({
      code: 'NAME_UNKNOWN',
      message: 'the mirror is offline, and mysql is not cached',
    });
  });

  it('says that a platform is missing', async () => {
    const index = makeIndex([image, arm]);
    const upstream = nodes();
    upstream.addManifest('library/node', index.bytes, 'both');
    await using fixture = await offline((one) => pullTags(one, 'both'), { upstream });

    await expect(fixture.mirror.manifest(node, { digest: arm.digest }, 'GET')).rejects.toMatchObject({
      code: 'MANIFEST_UNKNOWN',
      message: 'the mirror is offline, and node is not cached for this platform',
    });
  });

  it('serves cached blobs, and begins no download of others', async () => {
    await using fixture = await offline(async (one) => {
      await pullTags(one, '20');
      await readAll(await one.mirror.openBlob(node, image.config.digest));
    });

    const { bytes, digest } = image.config;
    expect((await readAll(await fixture.mirror.openBlob(node, digest))).equals(bytes)).toBe(true);
    const missing = {
      code: 'BLOB_UNKNOWN',
      status: 404,
      message: `the mirror is offline, and node@${layer.digest} is not cached`,
    };
    await expect(fixture.mirror.openBlob(node, layer.digest)).rejects.toMatchObject(missing);
    await expect(fixture.mirror.statBlob(node, layer.digest)).rejects.toMatchObject(missing);
    expect(await Array.fromAsync(fixture.content.listPartial())).toEqual([]);
    expect(fixture.upstream.requests).toEqual([]);
  });

  it('lists the tags that are cached, and the referrers that are known', async () => {
    await using fixture = await offline(async (one) => {
      await pullTags(one, '20', '18-alpine');
      await one.mirror.tags(node);
    });

    expect(await fixture.mirror.tags(node)).toMatchObject({
      result: 'hit',
      tags: ['18-alpine', '20'],
      warning: undefined,
    });
    expect(await fixture.mirror.referrers(node, image.digest, undefined)).toMatchObject({
      result: 'hit',
      descriptors: [],
      warning: undefined,
    });
    expect(fixture.upstream.requests).toEqual([]);
  });

  it('finds cached names in searches', async () => {
    await using fixture = await offline((one) => pullTags(one, '20'));

    const query = { reader: node.reader, term: 'node', limit: 5 };
    expect(await fixture.mirror.search(query)).toMatchObject({
      results: [{ name: 'library/node' }],
      warning: undefined,
    });
    expect(fixture.upstream.requests).toEqual([]);
  });

  it('keeps a download that it interrupts, and goes on with it once it is online', async () => {
    const upstream = nodes();
    const { promise: cut, reject: cutOff } = Promise.withResolvers<never>();
    upstream.body = async function* (bytes, offset) {
      yield bytes.subarray(offset, 200_000);
      await cut;
    };
    await using fixture = await MirrorFixture.open({ upstream });
    await pullTags(fixture, '20');
    const blob = await fixture.mirror.openBlob(node, layer.digest);
    await blob.read(Buffer.alloc(10), 10, 0);

    fixture.connectivity.goOffline();
    cutOff(new UpstreamError('aborted', 'the client is closed'));
    await expect(readAll(blob, 10)).rejects.toMatchObject({ status: 503 });
    await fixture.settled();
    const [partial] = await Array.fromAsync(fixture.content.listPartial());
    upstream.body = async function* (bytes, offset) {
      yield bytes.subarray(offset);
    };
    fixture.connectivity.goOnline();
    await eventually(60_000, 'the rest of the blob', () => upstream.count('BLOB') === 2);
    await fixture.settled();

    expect(partial).toMatchObject({ size: 200_000 });
    expect(upstream.requests.filter((request) => request.startsWith('BLOB'))).toEqual([
      `BLOB library/node ${layer.digest} 0`,
      `BLOB library/node ${layer.digest} 200000`,
    ]);
    expect(await fixture.mirror.openBlob(node, layer.digest)).toMatchObject({ result: 'hit' });
  });
});

describe('a mirror of private images that is offline', () => {
  const open = target('team/open');
  const secret = target('team/secret');
  const latest = byTag('latest');

  async function guarded(): Promise<MirrorFixture> {
    const upstream = new ScriptedUpstream('registry.corp').guard('team/open');
    for (const name of ['team/open', 'team/secret']) {
      upstream.addManifest(name, image.bytes, 'latest');
      for (const { bytes } of [image.config, ...image.layers]) upstream.addBlob(name, bytes);
    }
    return offline(
      async ({ mirror }) => {
        for (const { name } of [open, secret])
          await mirror.manifest(target(name, undefined, somebody('alice')), latest, 'GET');
        await mirror.manifest(open, latest, 'GET');
      },
      { upstream },
    );
  }

  it('serves what was public, and hides the rest from who has not logged in', async () => {
    await using fixture = await guarded();

    const answer = await fixture.mirror.manifest(open, latest, 'GET');
    expect(answer).toMatchObject({ result: 'hit', bytes: image.bytes });
    expect(answer.validity?.holds()).toBe(true);
    const failureOf = async (name: string): Promise<unknown> =>
      fixture.mirror.manifest(target(name), latest, 'GET').catch((error: unknown) => error);
    // What is cached, and what does not exist.
    expect(await failureOf('team/secret')).toMatchObject({
      status: 404,
      hidden: true,
      message: 'the mirror is offline, and team/secret:latest is not cached',
    });
    expect(await failureOf('team/secrets')).toMatchObject({
      status: 404,
      hidden: true,
      message: 'the mirror is offline, and team/secrets:latest is not cached',
    });
    expect(fixture.upstream.anonymous?.count('HEAD team/secret')).toBe(0);
    expect(fixture.upstream.requests).toEqual([]);
  });

  it('serves it to who has', async () => {
    await using fixture = await guarded();
    const asked = target('team/secret', undefined, somebody('alice'));

    expect(await fixture.mirror.manifest(asked, latest, 'GET')).toMatchObject({ result: 'hit' });
    await expect(fixture.mirror.manifest(asked, byTag('v1'), 'GET')).rejects.toMatchObject({
      message: 'the mirror is offline, and team/secret:v1 is not cached; cached: team/secret:latest',
    });
  });

  it('checks no credentials of clients at the registry', async () => {
    await using fixture = await guarded();
    const credentials = { username: 'bob', password: 'right' };
    const reader = { ...secret.reader, credentials };

    await expect(fixture.mirror.manifest({ ...secret, reader }, latest, 'GET')).rejects.toMatchObject({
      status: 404,
    });
    expect(fixture.upstream.requestsOfAccounts).toEqual([]);
  });
});
