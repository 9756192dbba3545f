import { describe, expect, it } from 'vitest';
import { anonymous } from '../../../src/mirror/access/reader.ts';
import { UpstreamError } from '../../../src/upstream/registry.ts';
import { makeImage } from '../../support/image.ts';
import { byTag, MirrorFixture, somebody, target } from '../../support/mirror-fixture.ts';
import { ScriptedUpstream } from '../../support/scripted-upstream.ts';

const image = makeImage();
const latest = byTag('latest');

interface Fixtures {
  readonly fixture: MirrorFixture;
  readonly hub: ScriptedUpstream;
  readonly ghcr: ScriptedUpstream;
}

async function twoRegistries(): Promise<Fixtures> {
  const hub = new ScriptedUpstream();
  const ghcr = new ScriptedUpstream('ghcr.io');
  hub.addManifest('library/busybox', image.bytes, 'latest');
  ghcr.addManifest('owner/app', image.bytes, 'latest');
  return { fixture: await MirrorFixture.open({ upstream: hub, others: [ghcr] }), hub, ghcr };
}

describe('a repository of another registry', () => {
  it.each([
    ['by a prefix', target('ghcr.io/owner/app')],
    ['by ns', target('owner/app', 'ghcr.io')],
    ['by both', target('ghcr.io/owner/app', 'ghcr.io')],
  ])('is found %s, and the default registry hears nothing of it', async (_way, asked) => {
    const { fixture, hub, ghcr } = await twoRegistries();
    await using _ = fixture;

    const answer = await fixture.mirror.manifest(asked, latest, 'GET');

    expect(answer.bytes).toEqual(image.bytes);
    expect(ghcr.requests).toEqual(['HEAD owner/app latest', `GET owner/app ${image.digest}`]);
    expect(hub.requests).toEqual([]);
  });

  it('is one repository in the cache, by whichever way it is asked for', async () => {
    const { fixture, ghcr } = await twoRegistries();
    await using _ = fixture;
    await fixture.mirror.manifest(target('ghcr.io/owner/app'), latest, 'GET');
    ghcr.requests.length = 0;

    const again = await fixture.mirror.manifest(target('owner/app', 'ghcr.io'), latest, 'GET');

    expect(again.result).toBe('hit');
    expect(ghcr.requests).toEqual([]);
  });

  it('fails by itself: the health of one registry says nothing of another', async () => {
    const { fixture, hub, ghcr } = await twoRegistries();
    await using _ = fixture;
    await fixture.mirror.manifest(target('busybox'), latest, 'GET');
    await fixture.mirror.manifest(target('ghcr.io/owner/app'), latest, 'GET');
    await fixture.clock.advance(60_000);
    hub.before = () => Promise.reject(new UpstreamError('unavailable', 'down'));

    expect(await fixture.mirror.manifest(target('busybox'), latest, 'GET')).toMatchObject({
      result: 'stale',
    });
    expect(await fixture.mirror.manifest(target('ghcr.io/owner/app'), latest, 'GET')).toMatchObject({
      result: 'hit',
      warning: undefined,
    });
    expect(ghcr.count('HEAD owner/app latest')).toBe(2);
  });

  it('gives nobody a right to the same digest of its namesake elsewhere', async () => {
    const { fixture, hub } = await twoRegistries();
    await using _ = fixture;
    await fixture.mirror.manifest(target('ghcr.io/owner/app'), latest, 'GET');

    await expect(
      fixture.mirror.manifest(target('owner/app'), { digest: image.digest }, 'GET'),
    ).rejects.toMatchObject({ code: 'MANIFEST_UNKNOWN' });
    expect(hub.requests).toEqual([`HEAD owner/app ${image.digest}`]);
  });
});

describe('a name on Docker Hub', () => {
  it.each([
    target('busybox'),
    target('library/busybox'),
    target('docker.io/busybox'),
    target('docker.io/library/busybox'),
    target('index.docker.io/busybox'),
    target('registry-1.docker.io/library/busybox'),
    target('busybox', 'docker.io'),
    target('library/busybox', 'registry-1.docker.io'),
    target('docker.io/busybox', 'index.docker.io'),
  ])('$namespace $name is library/busybox', async (asked) => {
    const { fixture, hub } = await twoRegistries();
    await using _ = fixture;

    await fixture.mirror.manifest(asked, latest, 'HEAD');

    expect(hub.requests).toEqual(['HEAD library/busybox latest']);
  });
});

describe('what is not mirrored', () => {
  it.each([
    ['a prefix', target('quay.io/owner/app')],
    ['a prefix of this machine', target('localhost/owner/app')],
    ['a prefix that is no host at all', target('my_reg.corp/app')],
    ['a host below one that is mirrored', target('evil.ghcr.io/owner/app')],
    ['an address of a metadata service', target('169.254.169.254/latest/meta')],
    ['ns', target('owner/app', 'quay.io')],
    ['ns with a port', target('owner/app', 'ghcr.io:8443')],
    ['ns that contradicts the prefix', target('ghcr.io/owner/app', 'docker.io')],
  ])('by %s is 404 for every noun, and no registry is asked', async (_what, asked) => {
    const { fixture, hub, ghcr } = await twoRegistries();
    await using _ = fixture;
    const { mirror } = fixture;

    for (const request of [
      mirror.manifest(asked, latest, 'GET'),
      mirror.manifest(asked, { digest: image.digest }, 'HEAD'),
      mirror.statBlob(asked, image.digest),
      mirror.openBlob(asked, image.digest),
      mirror.tags(asked),
      mirror.referrers(asked, image.digest, undefined),
    ]) {
      await expect(request).rejects.toMatchObject({ code: 'NAME_UNKNOWN', status: 404 });
    }
    expect([...hub.requests, ...ghcr.requests]).toEqual([]);
  });

  it('is answered with what is', async () => {
    const { fixture } = await twoRegistries();
    await using _ = fixture;

    await expect(fixture.mirror.tags(target('quay.io/owner/app'))).rejects.toThrow(
      'quay.io is not mirrored here; this mirror serves docker.io, ghcr.io',
    );
  });

  it('is a plain name where no registry is the default one', async () => {
    const ghcr = new ScriptedUpstream('ghcr.io');
    await using fixture = await MirrorFixture.open({ upstream: ghcr, plain: false });

    await expect(fixture.mirror.tags(target('owner/app'))).rejects.toMatchObject({ code: 'NAME_UNKNOWN' });
    expect(ghcr.requests).toEqual([]);
  });
});

describe('a private registry as the default one', () => {
  it.each([target('hello', 'docker.io'), target('docker.io/hello'), target('hello')])(
    'stands in for Docker Hub: $namespace $name',
    async (asked) => {
      const registry = new ScriptedUpstream('registry.corp');
      registry.addManifest('library/hello', image.bytes, 'latest');
      await using fixture = await MirrorFixture.open({ upstream: registry });

      expect(await fixture.mirror.manifest(asked, latest, 'GET')).toMatchObject({ bytes: image.bytes });
    },
  );

  it('does not where Docker Hub itself is mirrored', async () => {
    const registry = new ScriptedUpstream('registry.corp');
    const hub = new ScriptedUpstream();
    await using fixture = await MirrorFixture.open({ upstream: registry, others: [hub] });
    hub.addManifest('library/hello', image.bytes, 'latest');

    await fixture.mirror.manifest(target('hello', 'docker.io'), latest, 'HEAD');

    expect(registry.requests).toEqual([]);
  });

  it('does not if it is a public one: its images are different ones', async () => {
    const quay = new ScriptedUpstream('quay.io');
    await using fixture = await MirrorFixture.open({ upstream: quay });

    await expect(fixture.mirror.tags(target('hello', 'docker.io'))).rejects.toMatchObject({ status: 404 });
    expect(quay.requests).toEqual([]);
  });

  // As with registry:2, which passes every name on to proxy.remoteurl; Harbor's proxy projects are often
  // called so.
  it.each(['my.group/app', 'docker.io/app', 'quay.io/owner/app', 'localhost/app', '10.0.0.1/app'])(
    'has repositories whose names look like a registry: %s',
    async (name) => {
      const registry = new ScriptedUpstream('registry.corp');
      registry.addManifest(name, image.bytes, 'latest');
      await using fixture = await MirrorFixture.open({
        upstream: registry,
        others: [new ScriptedUpstream('ghcr.io')],
      });

      expect(await fixture.mirror.manifest(target(name), latest, 'GET')).toMatchObject({
        bytes: image.bytes,
      });
      expect(registry.requests).toEqual([`HEAD ${name} latest`, `GET ${name} ${image.digest}`]);
      expect(await fixture.mirror.tags(target(`registry.corp/${name}`))).toMatchObject({ tags: ['latest'] });
      expect(await fixture.mirror.tags(target(name, 'registry.corp'))).toMatchObject({ result: 'hit' });
    },
  );

  it('is not asked for those of a registry that is mirrored itself', async () => {
    const registry = new ScriptedUpstream('registry.corp');
    const ghcr = new ScriptedUpstream('ghcr.io');
    await using fixture = await MirrorFixture.open({ upstream: registry, others: [ghcr] });

    await fixture.mirror.tags(target('ghcr.io/owner/app'));

    expect(ghcr.requests).toHaveLength(1);
    expect(registry.requests).toEqual([]);
  });

  it('is asked for its own project docker.io before it stands in for Docker Hub', async () => {
    const registry = new ScriptedUpstream('registry.corp');
    registry.addManifest('docker.io/hello', image.bytes, 'latest');
    registry.addManifest('library/hello', makeImage().bytes, 'latest');
    await using fixture = await MirrorFixture.open({ upstream: registry });

    for (const asked of [target('docker.io/hello'), target('docker.io/hello', 'registry.corp')]) {
      expect(await fixture.mirror.manifest(asked, latest, 'GET')).toMatchObject({ bytes: image.bytes });
    }
    expect(registry.count('HEAD library/hello latest')).toBe(0);
  });
});

describe('a public registry as the default one', () => {
  // Projects of a domain at gcr.io (gcr.io/google.com/cloudsdktool/…), groups with dots at GitLab and Quay.
  it('is asked for names that look like a host of nobody known', async () => {
    const gcr = new ScriptedUpstream('gcr.io');
    gcr.addManifest('google.com/cloudsdktool/cli', image.bytes, 'latest');
    await using fixture = await MirrorFixture.open({ upstream: gcr });

    const answer = await fixture.mirror.manifest(target('google.com/cloudsdktool/cli'), latest, 'GET');

    expect(answer.bytes).toEqual(image.bytes);
  });

  it.each(['docker.io/hello', 'ghcr.io/owner/app', 'us.gcr.io/owner/app', 'localhost/app'])(
    'is not asked for %s, which anybody might have taken there',
    async (name) => {
      const quay = new ScriptedUpstream('quay.io');
      await using fixture = await MirrorFixture.open({ upstream: quay });

      await expect(fixture.mirror.tags(target(name))).rejects.toMatchObject({ code: 'NAME_UNKNOWN' });
      expect(quay.requests).toEqual([]);
    },
  );

  it.each(['ghcr.io/owner/app', 'my.group/app', 'registry.corp/app'])(
    'is not asked for %s if it is Docker Hub, which has no such names',
    async (name) => {
      const hub = new ScriptedUpstream();
      await using fixture = await MirrorFixture.open({ upstream: hub });

      await expect(fixture.mirror.tags(target(name))).rejects.toMatchObject({ code: 'NAME_UNKNOWN' });
      expect(hub.requests).toEqual([]);
    },
  );
});

describe('the canonical name', () => {
  it.each([
    ['busybox', 'library/busybox'],
    ['docker.io/busybox', 'library/busybox'],
    ['index.docker.io/owner/app', 'owner/app'],
    ['ghcr.io/owner/app', 'ghcr.io/owner/app'],
    ['docker.io/my.group/app', 'docker.io/my.group/app'],
  ])('of %s is %s, as the catalog has it', async (written, canonical) => {
    const { fixture, hub } = await twoRegistries();
    await using _ = fixture;
    for (const name of ['owner/app', 'my.group/app']) hub.addManifest(name, image.bytes, 'latest');

    await fixture.mirror.manifest(target(written), latest, 'GET');

    expect(await fixture.mirror.catalog({ reader: anonymous, last: undefined, limit: 9 })).toEqual([
      canonical,
    ]);
  });

  it('is never that of two repositories: a token for the one must not open the other', async () => {
    const hub = new ScriptedUpstream();
    const corp = new ScriptedUpstream('corp').guard();
    hub.addManifest('corp/app', image.bytes, 'latest');
    corp.addManifest('app', image.bytes, 'latest');
    await using fixture = await MirrorFixture.open({ upstream: hub, others: [corp] });
    const reader = { ...somebody('mallory'), repositories: new Set(['docker.io/corp/app']) };
    await fixture.mirror.manifest(target('corp/app', undefined, reader), latest, 'GET');

    expect(await fixture.mirror.catalog({ reader, last: undefined, limit: 9 })).toEqual([
      'docker.io/corp/app',
    ]);
    await expect(fixture.mirror.manifest(target('app', 'corp', reader), latest, 'GET')).rejects.toMatchObject(
      {
        status: 404,
      },
    );
    expect(corp.requests).toEqual([]);
  });
});
