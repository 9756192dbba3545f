import { describe, expect, it } from 'vitest';
import { anonymous } from '../../../../src/mirror/access/reader.ts';
import { UpstreamError, type UpstreamErrorKind } from '../../../../src/upstream/registry.ts';
import { StoreError } from '../../../../src/store/store-error.ts';
import { makeImage } from '../../../support/image.ts';
import { byTag, MirrorFixture, readAll, somebody, target } from '../../../support/mirror-fixture.ts';
import { ScriptedUpstream } from '../../../support/scripted-upstream.ts';

const image = makeImage();
const latest = byTag('latest');
const open = target('team/open');
const secret = target('team/secret');
const alice = somebody('alice');

interface Guarded {
  readonly fixture: MirrorFixture;
  readonly registry: ScriptedUpstream;
  /** The same registry as who has no credentials sees it. */
  readonly everybody: ScriptedUpstream;
}

/** A mirror with credentials for a registry on which `team/open` is public and `team/secret` is not. */
async function guarded(options: Parameters<typeof MirrorFixture.open>[0] = {}): Promise<Guarded> {
  const registry = new ScriptedUpstream('registry.corp').guard('team/open');
  for (const name of ['team/open', 'team/secret']) {
    registry.addManifest(name, image.bytes, 'latest');
    for (const { bytes } of [image.config, ...image.layers]) registry.addBlob(name, bytes);
  }
  const { anonymous: everybody } = registry;
  if (everybody === undefined) throw new Error('the registry is not guarded');
  return { fixture: await MirrorFixture.open({ ...options, upstream: registry }), registry, everybody };
}

function fails(kind: UpstreamErrorKind): () => never {
  return () => {
    throw new UpstreamError(kind, `upstream: ${kind}`);
  };
}

describe('who has not logged in', () => {
  it('gets what everybody gets from the registry; it is asked by one HEAD, without credentials, once in ten minutes', async () => {
    const { fixture, registry, everybody } = await guarded();
    await using _ = fixture;

    await fixture.mirror.manifest(open, latest, 'GET');
    await readAll(await fixture.mirror.openBlob(open, image.config.digest));
    await fixture.mirror.tags(open);
    await fixture.mirror.referrers(open, image.digest, undefined);
    await fixture.clock.advance(10 * 60_000 - 1);
    await fixture.mirror.manifest(open, { digest: image.digest }, 'GET');
    expect(everybody.requests).toEqual(['HEAD team/open latest']);
    expect(registry.count('GET team/open')).toBe(1);

    await fixture.clock.advance(1);
    await fixture.mirror.manifest(open, { digest: image.digest }, 'GET');
    expect(everybody.requests).toEqual(['HEAD team/open latest', `HEAD team/open ${image.digest}`]);
  });

  it('never makes the mirror use its own credentials for what it may not read', async () => {
    const { fixture, registry, everybody } = await guarded();
    await using _ = fixture;
    const { mirror } = fixture;

    await expect(mirror.manifest(secret, latest, 'GET')).rejects.toMatchObject({
      code: 'MANIFEST_UNKNOWN',
      hidden: true,
      repository: 'team/secret',
    });
    await expect(mirror.openBlob(secret, image.config.digest)).rejects.toMatchObject({
      code: 'BLOB_UNKNOWN',
      hidden: true,
    });
    await expect(mirror.tags(secret)).rejects.toMatchObject({ code: 'NAME_UNKNOWN', hidden: true });
    await expect(mirror.referrers(secret, image.digest, undefined)).rejects.toMatchObject({ status: 404 });
    expect(registry.requests).toEqual([]);
    // The refusal counts for the whole repository.
    expect(everybody.requests).toEqual(['HEAD team/secret latest']);
  });

  it('is refused for a minute without another question', async () => {
    const { fixture, everybody } = await guarded();
    await using _ = fixture;
    const ask = (): Promise<unknown> =>
      fixture.mirror.manifest(secret, latest, 'HEAD').catch((error: unknown) => error);

    await ask();
    await fixture.clock.advance(59_999);
    await ask();
    expect(everybody.requests).toHaveLength(1);
    await fixture.clock.advance(1);
    await ask();
    expect(everybody.requests).toHaveLength(2);
  });

  it('hears that one tag is missing, and that says nothing of others', async () => {
    const { fixture, everybody } = await guarded();
    await using _ = fixture;

    for (let time = 0; time < 2; time += 1) {
      // Not hidden: nobody is sent to log in for a tag that does not exist in a public repository.
      await expect(fixture.mirror.manifest(open, byTag('no'), 'GET')).rejects.toMatchObject({
        status: 404,
        hidden: false,
      });
    }
    await fixture.mirror.manifest(open, latest, 'GET');

    expect(everybody.requests).toEqual(['HEAD team/open no', 'TAGS team/open']);
  });

  it('hears that one tag is missing where lists of tags are refused, and gets the others all the same', async () => {
    const { fixture, everybody } = await guarded();
    await using _ = fixture;
    everybody.before = (request) => {
      if (request.startsWith('TAGS')) throw new UpstreamError('unauthorized', 'no', { status: 401 });
    };

    for (let time = 0; time < 2; time += 1) {
      await expect(fixture.mirror.manifest(open, byTag('no'), 'GET')).rejects.toMatchObject({
        status: 404,
        hidden: true,
      });
    }
    await fixture.mirror.manifest(open, latest, 'GET');

    expect(everybody.requests).toEqual(['HEAD team/open no', 'TAGS team/open', 'HEAD team/open latest']);
  });

  it('gets blobs of registries that state no size in answer to HEAD', async () => {
    const { fixture, everybody } = await guarded();
    await using _ = fixture;
    everybody.headBlob = () => Promise.resolve(undefined);

    expect(await fixture.mirror.statBlob(open, image.config.digest)).toMatchObject({
      size: image.config.size,
    });
  });

  it('shares one question with all who ask the same at that time', async () => {
    const { fixture, everybody } = await guarded();
    await using _ = fixture;

    await Promise.all(Array.from({ length: 20 }, () => fixture.mirror.manifest(open, latest, 'GET')));

    expect(everybody.requests).toEqual(['HEAD team/open latest']);
  });

  it('may read everything where the operator says so', async () => {
    const { fixture, everybody } = await guarded({ access: { private: 'allow' } });
    await using _ = fixture;

    await fixture.mirror.manifest(secret, latest, 'GET');

    expect(everybody.requests).toEqual([]);
  });

  it('may read everything of a registry that is asked without credentials anyway', async () => {
    await using fixture = await MirrorFixture.open();
    fixture.upstream.addManifest('team/secret', image.bytes, 'latest');

    await fixture.mirror.manifest(secret, latest, 'GET');

    expect(fixture.upstream.requests).toEqual(['HEAD team/secret latest', `GET team/secret ${image.digest}`]);
  });
});

describe('who has logged in', () => {
  it("reads what the mirror's credentials can, and the registry is not asked what others may", async () => {
    const { fixture, everybody } = await guarded();
    await using _ = fixture;

    await fixture.mirror.manifest({ ...secret, reader: alice }, latest, 'GET');

    expect(everybody.requests).toEqual([]);
  });

  it.each([
    ['grants it', ['team/secret'], 200],
    ['grants it by its full name', ['registry.corp/team/secret'], 200],
    ['grants another', ['team/open'], 404],
    ['grants nothing', [], 404],
  ])('by a token that %s', async (_what, repositories, status) => {
    const { fixture } = await guarded();
    await using _ = fixture;
    const reader = { ...alice, repositories: new Set(repositories) };

    const answer = await fixture.mirror.manifest({ ...secret, reader }, latest, 'GET').then(
      () => 200,
      (error: unknown) => (error as { status: number }).status,
    );

    expect(answer).toBe(status);
  });
});

describe('a repository that was public', () => {
  const troubles = ['unavailable', 'timeout', 'invalid'] as const;

  it.each(troubles)('stays so while upstream is in trouble (%s), also after a restart', async (trouble) => {
    const { fixture, registry, everybody } = await guarded();
    await using _ = fixture;
    await fixture.mirror.manifest(open, latest, 'GET');
    registry.before = fails(trouble);
    everybody.before = fails(trouble);

    await fixture.clock.advance(24 * 60 * 60_000);
    expect(await fixture.mirror.manifest(open, latest, 'GET')).toMatchObject({ result: 'stale' });
    await fixture.restart();
    expect(await fixture.mirror.manifest(open, { digest: image.digest }, 'GET')).toMatchObject({
      result: 'hit',
    });
    expect(await fixture.mirror.catalog({ reader: anonymous, last: undefined, limit: 9 })).toEqual([
      'team/open',
    ]);
  });

  it('needs no question after a restart within ten minutes', async () => {
    const { fixture, everybody } = await guarded();
    await using _ = fixture;
    await fixture.mirror.manifest(open, latest, 'GET');
    await fixture.restart();

    await fixture.mirror.manifest(open, latest, 'GET');

    expect(everybody.requests).toHaveLength(1);
  });

  it('is served after a second and a half when upstream hangs, and then at once', async () => {
    const { fixture, everybody } = await guarded();
    await using _ = fixture;
    await fixture.mirror.manifest(open, { digest: image.digest }, 'GET');
    await fixture.clock.advance(10 * 60_000);
    const hanging = Promise.withResolvers<undefined>();
    everybody.before = () => hanging.promise;

    const first = fixture.mirror.manifest(open, { digest: image.digest }, 'GET');
    await fixture.clock.advance(1_500);
    expect(await first).toMatchObject({ result: 'hit' });
    expect(await fixture.mirror.manifest(open, { digest: image.digest }, 'GET')).toMatchObject({
      result: 'hit',
    });

    expect(everybody.requests).toHaveLength(2);
    hanging.resolve(undefined);
  });

  it('is private from the moment that upstream says so, and stays so after a restart and offline', async () => {
    const { fixture, registry, everybody } = await guarded();
    await using _ = fixture;
    await fixture.mirror.manifest(open, latest, 'GET');
    registry.withdraw('team/open');
    await fixture.clock.advance(10 * 60_000);

    await expect(fixture.mirror.manifest(open, latest, 'GET')).rejects.toMatchObject({ status: 404 });
    expect(await fixture.mirror.catalog({ reader: anonymous, last: undefined, limit: 9 })).toEqual([]);
    registry.before = fails('unavailable');
    everybody.before = fails('unavailable');
    await fixture.restart();
    await expect(fixture.mirror.manifest(open, latest, 'GET')).rejects.toMatchObject({ status: 503 });
  });

  it('keeps a tag that upstream has deleted, as long as the repository is there for everybody', async () => {
    const { fixture, registry, everybody } = await guarded();
    await using _ = fixture;
    registry.addManifest('team/open', makeImage({ seed: 2 }).bytes, 'other');
    await fixture.mirror.manifest(open, latest, 'GET');
    registry.removeTag('team/open', 'latest');
    await fixture.clock.advance(10 * 60_000);

    expect(await fixture.mirror.manifest(open, latest, 'GET')).toMatchObject({
      bytes: image.bytes,
      result: 'stale',
    });
    expect(everybody.requests.slice(1)).toEqual(['HEAD team/open latest', 'TAGS team/open']);
  });
});

describe('a repository of which nothing is known', () => {
  it.each([
    ['unavailable', 503],
    ['timeout', 504],
    ['rate-limited', 429],
    ['invalid', 502],
  ] as const)('is answered with the real cause when upstream is in trouble: %s', async (trouble, status) => {
    const { fixture, everybody } = await guarded();
    await using _ = fixture;
    await fixture.mirror.manifest({ ...secret, reader: alice }, latest, 'GET');
    everybody.before = fails(trouble);

    await expect(fixture.mirror.manifest(secret, latest, 'GET')).rejects.toMatchObject({
      status,
      hidden: false,
    });
  });

  it('is found public by a question for referrers of a manifest that it does not have', async () => {
    const { fixture } = await guarded();
    await using _ = fixture;

    const answer = await fixture.mirror.referrers(open, makeImage({ seed: 9 }).digest, undefined);

    expect(answer.descriptors).toEqual([]);
  });
});

describe('a limit on who has no credentials', () => {
  it('keeps a repository public that was so within a day, and no longer: it may be private by now', async () => {
    const { fixture, everybody } = await guarded();
    await using _ = fixture;
    await fixture.mirror.manifest(open, latest, 'GET');
    everybody.before = fails('rate-limited');

    await fixture.clock.advance(24 * 60 * 60_000 - 1);
    expect(await fixture.mirror.manifest(open, latest, 'GET')).toMatchObject({ bytes: image.bytes });
    await fixture.clock.advance(1);
    await expect(fixture.mirror.manifest(open, latest, 'GET')).rejects.toMatchObject({ status: 429 });
    expect(await fixture.mirror.manifest({ ...open, reader: alice }, latest, 'GET')).toMatchObject({
      bytes: image.bytes,
    });
  });

  it('does not hide a public image that is not cached: a list of tags tells, which no limit on pulls counts', async () => {
    const { fixture, everybody } = await guarded();
    await using _ = fixture;
    everybody.before = (request) => {
      if (request.startsWith('HEAD')) throw new UpstreamError('rate-limited', 'upstream: too many pulls');
    };

    expect(await fixture.mirror.manifest(open, latest, 'GET')).toMatchObject({ bytes: image.bytes });
    await expect(fixture.mirror.manifest(secret, latest, 'GET')).rejects.toMatchObject({ status: 404 });
    expect(everybody.requests).toEqual([
      'HEAD team/open latest',
      'TAGS team/open',
      'HEAD team/secret latest',
      'TAGS team/secret',
    ]);
  });

  it('does not stop the mirror from confirming tags with its own', async () => {
    const { fixture, everybody } = await guarded();
    await using _ = fixture;
    await fixture.mirror.manifest(open, latest, 'GET');
    everybody.before = fails('rate-limited');
    await fixture.clock.advance(10 * 60_000);

    expect(await fixture.mirror.manifest(open, latest, 'GET')).toMatchObject({
      result: 'hit',
      warning: undefined,
    });
  });
});

describe('a store in trouble', () => {
  it('does not open what is private, nor close what upstream shows to all', async () => {
    const { fixture } = await guarded({
      wrapMetadata: (metadata) =>
        new Proxy(metadata, {
          get(store, name) {
            if (name === 'publicSince' || name === 'putPublic')
              return () => Promise.reject(new StoreError('IO', 'the disk is gone'));
            const member: unknown = Reflect.get(store, name, store);
            return typeof member === 'function' ? (member.bind(store) as unknown) : member;
          },
        }),
    });
    await using _ = fixture;

    expect(await fixture.mirror.manifest(open, latest, 'GET')).toMatchObject({ bytes: image.bytes });
    await expect(fixture.mirror.manifest(secret, latest, 'GET')).rejects.toMatchObject({ status: 404 });
  });
});
