import { describe, expect, it } from 'vitest';
import { digestOf, type Digest } from '../../../../src/oci/digest.ts';
import { mediaTypes } from '../../../../src/oci/media-type.ts';
import { UpstreamError } from '../../../../src/upstream/registry.ts';
import { makeImage, noise } from '../../../support/image.ts';
import { byTag, MirrorFixture, readAll, somebody, target } from '../../../support/mirror-fixture.ts';
import { ScriptedUpstream, wholeBody } from '../../../support/scripted-upstream.ts';

const image = makeImage({ seed: 7 });
const { config } = image;
const latest = byTag('latest');
const alice = somebody('alice');
const secret = target('team/secret', undefined, alice);
const theirs = target('eve/claims');

/**
 * A manifest that anybody can publish: registries take layers that are said to be elsewhere without having
 * them.
 */
function naming(digest: Digest, size = 1): Buffer {
  const mediaType = 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip';
  const empty = {
    mediaType: 'application/vnd.oci.empty.v1+json',
    digest: digestOf(Buffer.from('{}')),
    size: 2,
  };
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: empty,
      layers: [{ mediaType, digest, size }],
    }),
  );
}

/**
 * A registry, asked with an account, where `eve/claims` is public and names blobs that only `team/secret`
 * has.
 */
function registryWithClaims(): ScriptedUpstream {
  const registry = new ScriptedUpstream('registry.corp').guard('eve/claims', 'eve/base', 'eve/app');
  registry.addManifest('team/secret', image.bytes, 'latest');
  for (const { bytes } of [config, ...image.layers]) registry.addBlob('team/secret', bytes);
  registry.addManifest('eve/claims', naming(config.digest), 'latest');
  return registry;
}

describe('a blob that only a private repository has', () => {
  it('is not given to who names it in a manifest of their own, not its size, nor whether it is cached', async () => {
    const told = async (pulled: boolean, restart: boolean): Promise<unknown> => {
      await using fixture = await MirrorFixture.open({ upstream: registryWithClaims() });
      await fixture.mirror.manifest(secret, latest, 'GET');
      if (pulled) await readAll(await fixture.mirror.openBlob(secret, config.digest));
      await fixture.mirror.manifest(theirs, latest, 'GET');
      if (restart) await fixture.restart();
      return [
        await refusal(fixture.mirror.statBlob(theirs, config.digest)),
        await refusal(fixture.mirror.openBlob(theirs, config.digest)),
        await refusal(fixture.mirror.statBlob(theirs, config.digest)),
      ];
    };

    const unknown = { status: 404, code: 'BLOB_UNKNOWN', hidden: false };
    for (const restart of [false, true]) {
      expect(await told(true, restart)).toEqual([unknown, unknown, unknown]);
      expect(await told(false, restart)).toEqual([unknown, unknown, unknown]);
    }
  });

  it('is not given to them while it arrives for somebody else', async () => {
    const registry = registryWithClaims();
    await using fixture = await MirrorFixture.open({ upstream: registry });
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
    registry.body = async function* (bytes, offset) {
      await opened;
      yield* wholeBody(bytes, offset);
    };
    await fixture.mirror.manifest(secret, latest, 'GET');
    await fixture.mirror.manifest(theirs, latest, 'GET');
    const arriving = await fixture.mirror.openBlob(secret, config.digest);

    expect(await refusal(fixture.mirror.openBlob(theirs, config.digest))).toMatchObject({ status: 404 });
    open();
    expect((await readAll(arriving)).equals(config.bytes)).toBe(true);
  });

  it('is not given to them by another registry’s name either', async () => {
    const open = new ScriptedUpstream('ghcr.io');
    open.addManifest('eve/claims', naming(config.digest), 'latest');
    await using fixture = await MirrorFixture.open({ upstream: registryWithClaims(), others: [open] });
    const elsewhere = target('ghcr.io/eve/claims');
    await fixture.mirror.manifest(secret, latest, 'GET');
    await readAll(await fixture.mirror.openBlob(secret, config.digest));
    await fixture.mirror.manifest(elsewhere, latest, 'GET');

    expect(await refusal(fixture.mirror.openBlob(elsewhere, config.digest))).toMatchObject({ status: 404 });
  });

  it('is not given to them while upstream cannot say whether it is theirs', async () => {
    const registry = registryWithClaims();
    await using fixture = await MirrorFixture.open({ upstream: registry });
    await fixture.mirror.manifest(secret, latest, 'GET');
    await readAll(await fixture.mirror.openBlob(secret, config.digest));
    await fixture.mirror.manifest(theirs, latest, 'GET');
    registry.before = () => {
      throw new UpstreamError('timeout', 'no answer');
    };

    expect(await refusal(fixture.mirror.openBlob(theirs, config.digest))).toMatchObject({ status: 504 });
  });

  it('is not given by their manifest to who has logged in where rules keep them out', async () => {
    const access = { rules: [{ match: 'registry.corp/team/**', allow: ['user:alice'] }] };
    await using fixture = await MirrorFixture.open({ upstream: registryWithClaims(), access });
    await fixture.mirror.manifest(secret, latest, 'GET');
    await readAll(await fixture.mirror.openBlob(secret, config.digest));
    for (const reader of [somebody('mallory'), { ...alice, repositories: new Set(['eve/claims']) }]) {
      const named = target('eve/claims', undefined, reader);
      await fixture.mirror.manifest(named, latest, 'GET');
      expect(await refusal(fixture.mirror.openBlob(named, config.digest))).toMatchObject({ status: 404 });
    }
  });
});

describe('a blob that a manifest names', () => {
  const layer = noise(50_000, 'base');
  const digest = digestOf(layer);

  /** `eve/base` and `eve/app` share a layer, which was pulled from `eve/base` only. */
  async function shared(pulledBy = target('eve/base')): Promise<[MirrorFixture, ScriptedUpstream]> {
    const registry = registryWithClaims();
    for (const name of ['eve/base', 'eve/app']) {
      registry.addManifest(name, naming(digest, layer.length), 'latest');
      registry.addBlob(name, layer);
    }
    const fixture = await MirrorFixture.open({ upstream: registry });
    await fixture.mirror.manifest(pulledBy, latest, 'GET');
    await readAll(await fixture.mirror.openBlob(pulledBy, digest));
    const repository = { upstream: registry.name, name: pulledBy.name };
    const committed = async () =>
      (await fixture.metadata.repositoryBlob(repository, digest))?.confirmed === true;
    while (!(await committed())) await new Promise((resolve) => setImmediate(resolve));
    return [fixture, registry];
  }

  it('is fetched without a question before, and by who comes meanwhile without one either', async () => {
    const registry = registryWithClaims();
    registry.addManifest('eve/base', naming(digest, layer.length), 'latest');
    registry.addBlob('eve/base', layer);
    const { promise: allowed, resolve: allow } = Promise.withResolvers<void>();
    registry.body = async function* (bytes, offset) {
      await allowed;
      yield* wholeBody(bytes, offset);
    };
    await using fixture = await MirrorFixture.open({ upstream: registry });
    const base = target('eve/base');
    await fixture.mirror.manifest(base, latest, 'GET');

    const first = await fixture.mirror.openBlob(base, digest);
    const second = await fixture.mirror.openBlob(base, digest);
    allow();
    for (const blob of [first, second]) expect((await readAll(blob)).equals(layer)).toBe(true);
    expect(registry.requests.filter((request) => request.includes(digest))).toEqual([
      `BLOB eve/base ${digest} 0`,
    ]);
  });

  it('is given without a question upstream if it came by a public repository: also when upstream is away', async () => {
    const [fixture, registry] = await shared();
    await using _ = fixture;
    const app = target('eve/app');
    await fixture.mirror.manifest(app, latest, 'GET');
    await fixture.restart();
    registry.before = () => {
      throw new UpstreamError('unavailable', 'away');
    };

    expect((await readAll(await fixture.mirror.openBlob(app, digest))).equals(layer)).toBe(true);
  });

  it('is confirmed by one HEAD if it did not, and then known for good', async () => {
    const [fixture, registry] = await shared(target('eve/base', undefined, alice));
    await using _ = fixture;
    const app = target('eve/app');
    await fixture.mirror.manifest(app, latest, 'GET');
    for (let pull = 0; pull < 2; pull += 1) {
      expect((await readAll(await fixture.mirror.openBlob(app, digest))).equals(layer)).toBe(true);
      await fixture.restart();
    }

    expect(registry.requests.filter((request) => request.includes(digest))).toEqual([
      `BLOB eve/base ${digest} 0`,
      `STAT eve/app ${digest}`,
    ]);
  });

  it('is given without a question upstream to who may read everything', async () => {
    const [fixture, registry] = await shared(target('eve/base', undefined, alice));
    await using _ = fixture;
    const app = target('eve/app', undefined, alice);
    await fixture.mirror.manifest(app, latest, 'GET');
    registry.requests.length = 0;

    expect((await readAll(await fixture.mirror.openBlob(app, digest))).equals(layer)).toBe(true);
    expect(registry.requests).toEqual([]);
  });
});

describe('what was cached with an account', () => {
  it('stays private when the account is taken out of the configuration', async () => {
    const registry = registryWithClaims();
    await using fixture = await MirrorFixture.open({ upstream: registry });
    await fixture.mirror.manifest(secret, latest, 'GET');
    registry.forgetAccount();
    registry.before = (request) => {
      if (request.includes('team/secret')) throw new UpstreamError('unauthorized', 'no', { status: 401 });
    };
    await fixture.restart();
    await fixture.restart();

    const asked = target('team/secret');
    expect(await refusal(fixture.mirror.manifest(asked, latest, 'GET'))).toMatchObject({ status: 404 });
    expect(await refusal(fixture.mirror.statBlob(asked, config.digest))).toMatchObject({ status: 404 });
    const page = { last: undefined, limit: 10 };
    expect(await fixture.mirror.catalog({ ...page, reader: target('x').reader })).toEqual([]);
    expect(await fixture.mirror.catalog({ ...page, reader: alice })).toEqual(['team/secret']);
    await fixture.mirror.manifest(theirs, latest, 'GET');
    expect(await fixture.mirror.catalog({ ...page, reader: target('x').reader })).toEqual(['eve/claims']);
  });
});

/** How a request was refused. */
async function refusal(answer: Promise<unknown>): Promise<unknown> {
  return answer.then(
    () => 'not refused',
    (error: { status?: unknown; code?: unknown; hidden?: unknown }) => ({
      status: error.status,
      code: error.code,
      hidden: error.hidden,
    }),
  );
}
