import { describe, expect, it } from 'vitest';
import { anonymous, type Reader } from '../../../../src/mirror/access/reader.ts';
import { UpstreamError } from '../../../../src/upstream/registry.ts';
import { makeImage } from '../../../support/image.ts';
import { byTag, MirrorFixture, target } from '../../../support/mirror-fixture.ts';
import { ScriptedUpstream } from '../../../support/scripted-upstream.ts';

const image = makeImage();
const latest = byTag('latest');
const bob: Reader = { ...anonymous, credentials: { username: 'bob', password: 'correct horse' } };
const eve: Reader = { ...anonymous, credentials: { username: 'bob', password: 'battery staple' } };

interface Guarded {
  readonly fixture: MirrorFixture;
  readonly registry: ScriptedUpstream;
  readonly other: ScriptedUpstream;
}

/**
 * A mirror of a private registry where bob may read `team/secret`, and of another where he has no account.
 */
async function guarded(): Promise<Guarded> {
  const registry = new ScriptedUpstream('registry.corp').guard('team/open');
  const other = new ScriptedUpstream('ghcr.io').guard();
  for (const name of ['team/open', 'team/secret', 'team/other']) {
    registry.addManifest(name, image.bytes, 'latest');
    registry.addBlob(name, image.config.bytes);
    other.addManifest(name, image.bytes, 'latest');
  }
  if (bob.credentials !== undefined) registry.grant(bob.credentials, 'team/secret');
  return { fixture: await MirrorFixture.open({ upstream: registry, others: [other] }), registry, other };
}

describe("a client's own registry credentials", () => {
  it('open what the registry gives for them; the bytes come by the credentials of the mirror', async () => {
    const { fixture, registry } = await guarded();
    await using _ = fixture;

    const answer = await fixture.mirror.manifest(target('team/secret', undefined, bob), latest, 'GET');

    expect(answer.bytes).toEqual(image.bytes);
    expect(registry.requestsOfAccounts).toEqual(['HEAD team/secret latest']);
    expect(registry.requests).toEqual(['HEAD team/secret latest', `GET team/secret ${image.digest}`]);
  });

  it('are checked once a minute and repository, and the client that speaks for them is closed', async () => {
    const { fixture, registry } = await guarded();
    await using _ = fixture;
    const secret = target('team/secret', undefined, bob);

    await fixture.mirror.manifest(secret, latest, 'GET');
    await fixture.mirror.statBlob(secret, image.config.digest);
    await fixture.clock.advance(59_999);
    await fixture.mirror.tags(secret);
    expect(registry.logins).toHaveLength(1);
    expect(registry.closed).toBe(1);

    await fixture.clock.advance(1);
    await fixture.mirror.tags(secret);
    expect(registry.logins).toHaveLength(2);
    expect(registry.closed).toBe(2);
  });

  it('open nothing else: not with another password, not another repository, not the same one elsewhere', async () => {
    const { fixture, other } = await guarded();
    await using _ = fixture;
    await fixture.mirror.manifest(target('team/secret', undefined, bob), latest, 'GET');

    for (const asked of [
      target('team/secret', undefined, eve),
      target('team/secret', undefined, anonymous),
      target('team/other', undefined, bob),
      target('ghcr.io/team/secret', undefined, bob),
    ]) {
      await expect(fixture.mirror.manifest(asked, latest, 'GET')).rejects.toMatchObject({
        code: 'MANIFEST_UNKNOWN',
        hidden: asked.reader === anonymous,
      });
    }
    expect(other.requests).toEqual([]);
  });

  it('stay with the registry that the repository is of', async () => {
    const { fixture, other } = await guarded();
    await using _ = fixture;

    await fixture.mirror.manifest(target('team/secret', undefined, bob), latest, 'GET');

    expect(other.logins).toEqual([]);
  });

  it('stay at home where everybody may read', async () => {
    const { fixture, registry } = await guarded();
    await using _ = fixture;

    await fixture.mirror.manifest(target('team/open', undefined, eve), latest, 'GET');

    expect(registry.logins).toEqual([]);
  });

  it('stay at home for a registry that is asked without credentials anyway', async () => {
    await using fixture = await MirrorFixture.open();
    fixture.upstream.addManifest('team/open', image.bytes, 'latest');

    await fixture.mirror.manifest(target('team/open', undefined, bob), latest, 'GET');

    expect(fixture.upstream.logins).toEqual([]);
  });

  it('that were refused are not tried again for a minute', async () => {
    const { fixture, registry } = await guarded();
    await using _ = fixture;
    const ask = (tag: string): Promise<unknown> =>
      fixture.mirror
        .manifest(target('team/secret', undefined, eve), byTag(tag), 'GET')
        .catch((error: unknown) => error);

    await ask('latest');
    await ask('other');
    expect(registry.logins).toHaveLength(1);
    await fixture.clock.advance(60_000);
    await ask('latest');
    expect(registry.logins).toHaveLength(2);
  });

  it('do for who is limited without them', async () => {
    const { fixture, registry } = await guarded();
    await using _ = fixture;
    const { anonymous: everybody } = registry;
    if (everybody !== undefined) {
      everybody.before = () => Promise.reject(new UpstreamError('rate-limited', 'slow down'));
    }

    expect(await fixture.mirror.manifest(target('team/secret', undefined, bob), latest, 'GET')).toMatchObject(
      {
        bytes: image.bytes,
      },
    );
    await expect(
      fixture.mirror.manifest(target('team/other', undefined, bob), latest, 'GET'),
    ).rejects.toMatchObject({ status: 429 });
  });

  it('are taken for no more than a name in listings', async () => {
    const { fixture } = await guarded();
    await using _ = fixture;
    await fixture.mirror.manifest(target('team/secret', undefined, bob), latest, 'GET');

    expect(await fixture.mirror.catalog({ reader: bob, last: undefined, limit: 10 })).toEqual([]);
  });

  it('are asked about once, however many of their layers wait', async () => {
    const { fixture, registry } = await guarded();
    await using _ = fixture;
    const secret = target('team/secret', undefined, bob);

    await Promise.all(Array.from({ length: 10 }, () => fixture.mirror.manifest(secret, latest, 'GET')));

    expect(registry.logins).toHaveLength(1);
  });

  it('cannot be guessed by the thousand: only some are checked at a time', async () => {
    const { fixture, registry } = await guarded();
    await using _ = fixture;
    const hanging = Promise.withResolvers<undefined>();
    registry.before = () => hanging.promise;
    const guess = (password: string): Promise<unknown> => {
      const reader = { ...anonymous, credentials: { username: 'bob', password } };
      return fixture.mirror
        .manifest(target('team/secret', undefined, reader), latest, 'GET')
        .catch((error: unknown) => (error as { status: number }).status);
    };

    const guesses = Array.from({ length: 40 }, (_, index) => guess(`guess ${index}`));
    await expect.poll(() => registry.logins.length).toBe(32);
    hanging.resolve(undefined);
    const statuses = await Promise.all(guesses);

    expect(statuses.filter((status) => status === 429)).toHaveLength(8);
    expect(statuses.filter((status) => status === 404)).toHaveLength(32);
    expect(registry.logins).toHaveLength(32);
    expect(await guess('another')).toBe(404);
  });

  it('that cannot be checked are answered with the cause', async () => {
    const { fixture, registry } = await guarded();
    await using _ = fixture;
    registry.before = () => Promise.reject(new UpstreamError('unavailable', 'down'));

    await expect(
      fixture.mirror.manifest(target('team/secret', undefined, bob), latest, 'GET'),
    ).rejects.toMatchObject({ status: 503 });
    expect(registry.closed).toBe(1);
  });
});
