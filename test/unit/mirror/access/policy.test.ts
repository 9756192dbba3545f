import { describe, expect, it } from 'vitest';
import type { AccessRules } from '../../../../src/mirror/access/policy.ts';
import { anonymous } from '../../../../src/mirror/access/reader.ts';
import { makeImage } from '../../../support/image.ts';
import { byTag, MirrorFixture, somebody, target } from '../../../support/mirror-fixture.ts';
import { ScriptedUpstream } from '../../../support/scripted-upstream.ts';

const image = makeImage();
const latest = byTag('latest');
const alice = somebody('alice');

async function fixture(access: Partial<AccessRules>, canLogIn?: false): Promise<MirrorFixture> {
  const hub = new ScriptedUpstream();
  const opened = await MirrorFixture.open({
    upstream: hub,
    others: [new ScriptedUpstream('ghcr.io')],
    access,
    ...(canLogIn === undefined ? undefined : { canLogIn }),
  });
  for (const name of ['library/hello', 'team/app']) {
    hub.addManifest(name, image.bytes, 'latest');
    hub.addBlob(name, image.bytes);
  }
  return opened;
}

/** What becomes of a pull: ok, or the error's code. */
async function outcome(opened: MirrorFixture, name: string, reader = anonymous): Promise<string> {
  return opened.mirror.manifest(target(name, undefined, reader), latest, 'GET').then(
    () => 'ok',
    (error: unknown) => (error as { code: string }).code,
  );
}

describe('what may be mirrored', () => {
  it('is everything that is not denied', async () => {
    await using opened = await fixture({ mirror: { allow: [], deny: ['docker.io/team/*'] } });

    expect(await outcome(opened, 'hello')).toBe('ok');
    expect(await outcome(opened, 'team/app', alice)).toBe('DENIED');
  });

  it('is only what is allowed, where anything is', async () => {
    await using opened = await fixture({
      mirror: { allow: ['docker.io/library/*'], deny: ['docker.io/library/secret'] },
    });

    expect(await outcome(opened, 'hello')).toBe('ok');
    expect(await outcome(opened, 'library/secret')).toBe('DENIED');
    expect(await outcome(opened, 'ghcr.io/owner/app')).toBe('DENIED');
  });

  it('is the same by every name and for every noun, and what may not is not asked for upstream', async () => {
    await using opened = await fixture({ mirror: { allow: [], deny: ['docker.io/team/**'] } });
    const { mirror } = opened;

    for (const asked of [
      target('team/app'),
      target('docker.io/team/app'),
      target('team/app', 'registry-1.docker.io'),
    ]) {
      for (const request of [
        mirror.manifest(asked, latest, 'HEAD'),
        mirror.manifest(asked, { digest: image.digest }, 'GET'),
        mirror.statBlob(asked, image.digest),
        mirror.openBlob(asked, image.digest),
        mirror.tags(asked),
        mirror.referrers(asked, image.digest, undefined),
      ]) {
        await expect(request).rejects.toMatchObject({ code: 'DENIED', status: 403 });
      }
    }
    expect(opened.upstream.requests).toEqual([]);
  });

  it('holds for what was cached before it was denied', async () => {
    await using opened = await fixture({ mirror: { allow: [], deny: ['docker.io/team/*'] } });
    const repository = { upstream: opened.upstream.name, name: target('team/app').name };
    await opened.metadata.putManifest(
      repository,
      {
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        digest: image.digest,
        size: image.size,
        bytes: image.bytes,
      },
      {
        mediaType: undefined,
        children: [],
        blobs: [],
        subject: undefined,
        artifactType: undefined,
        isManifest: true,
      },
    );

    await expect(
      opened.mirror.manifest(target('team/app'), { digest: image.digest }, 'GET'),
    ).rejects.toMatchObject({ code: 'DENIED' });
    expect(await opened.mirror.catalog({ reader: alice, last: undefined, limit: 10 })).toEqual([]);
  });
});

describe('a mirror that wants a login for everything', () => {
  it('asks nobody upstream for who has not logged in, and says so', async () => {
    await using opened = await fixture({ anonymous: 'deny' });

    await expect(opened.mirror.manifest(target('busybox'), latest, 'GET')).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
      status: 401,
      repository: 'library/busybox',
    });
    expect(opened.upstream.requests).toEqual([]);
    expect(await outcome(opened, 'hello', alice)).toBe('ok');
  });

  it('shows no listing either', async () => {
    await using opened = await fixture({ anonymous: 'deny' });

    const catalog = opened.mirror.catalog({ reader: anonymous, last: undefined, limit: 10 });
    await expect(catalog).rejects.toMatchObject({ status: 401 });
    await expect(
      opened.mirror.search({ reader: anonymous, term: 'busybox', limit: 25 }),
    ).rejects.toMatchObject({ status: 401 });
    expect(opened.upstream.requests).toEqual([]);
  });

  it('refuses where there is no way to log in', async () => {
    await using opened = await fixture({ anonymous: 'deny' }, false);

    expect(await outcome(opened, 'hello')).toBe('DENIED');
  });

  it("does not take somebody's credentials elsewhere for a login", async () => {
    await using opened = await fixture({ anonymous: 'deny' });
    const stranger = { ...anonymous, credentials: { username: 'eve', password: 'anything' } };

    expect(await outcome(opened, 'hello', stranger)).toBe('UNAUTHORIZED');
    expect(opened.upstream.logins).toEqual([]);
  });
});

describe('rules', () => {
  const rules = [
    { match: 'docker.io/library/*', allow: ['anonymous'] },
    { match: 'docker.io/team/*', allow: ['group:team', 'user:carol'] },
    { match: 'docker.io/team/**', allow: ['anonymous'] },
    { match: 'docker.io/any/*', allow: ['authenticated'] },
    { match: 'docker.io/none/*', allow: [] },
  ];

  it.each([
    ['library/hello', anonymous, 'ok'],
    ['library/hello', alice, 'ok'],
    ['team/app', anonymous, 'UNAUTHORIZED'],
    ['team/app', alice, 'DENIED'],
    ['team/app', somebody('bob', 'team'), 'ok'],
    ['team/app', somebody('dave'), 'ok'],
    ['team/app', somebody('carol'), 'ok'],
    ['any/app', anonymous, 'UNAUTHORIZED'],
    ['any/app', alice, 'MANIFEST_UNKNOWN'],
    ['none/app', anonymous, 'DENIED'],
    ['none/app', alice, 'DENIED'],
    ['unnamed/app', anonymous, 'MANIFEST_UNKNOWN'],
  ])('let the first that matches decide: %s', async (name, reader, expected) => {
    await using opened = await fixture({ rules, groups: { team: ['dave'] } });

    expect(await outcome(opened, name, reader)).toBe(expected);
    const refused = expected === 'DENIED' || expected === 'UNAUTHORIZED';
    expect(opened.upstream.requests.length > 0).toBe(!refused);
  });

  it('take a token that does not grant a repository for no login', async () => {
    await using opened = await fixture({ rules });
    const carol = { ...somebody('carol'), repositories: new Set(['library/hello']) };

    expect(await outcome(opened, 'team/app', carol)).toBe('UNAUTHORIZED');
    expect(await outcome(opened, 'team/app', { ...carol, repositories: new Set(['team/app']) })).toBe('ok');
  });
});
