import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anonymous, type Reader } from '../../../src/mirror/access/reader.ts';
import type { Mirror } from '../../../src/mirror/mirror.ts';
import { UpstreamError, type SearchResult } from '../../../src/upstream/registry.ts';
import { parseUpstreamName, type UpstreamName } from '../../../src/oci/reference.ts';
import { makeImage } from '../../support/image.ts';
import {
  byTag,
  MirrorFixture,
  somebody,
  target,
  type MirrorFixtureOptions,
} from '../../support/mirror-fixture.ts';
import { ScriptedUpstream } from '../../support/scripted-upstream.ts';

const image = makeImage();
const alice = somebody('alice');

/** A mirror that holds these repositories, by their canonical names. */
async function holding(names: readonly string[], options: MirrorFixtureOptions = {}): Promise<MirrorFixture> {
  const upstream = options.upstream ?? new ScriptedUpstream();
  const fixture = await MirrorFixture.open({ ...options, upstream });
  for (const name of names) {
    const registry = options.others?.find((other) => name.startsWith(`${other.name}/`)) ?? upstream;
    const own = name.startsWith(`${registry.name}/`) ? name.slice(registry.name.length + 1) : name;
    registry.addManifest(own, image.bytes, 'latest');
    await fixture.mirror.manifest(target(own, registry.name, alice), byTag('latest'), 'GET');
  }
  return fixture;
}

async function pages(mirror: Mirror, reader: Reader, limit: number): Promise<readonly string[]> {
  const all: string[] = [];
  for (let last: string | undefined; ;) {
    const page = await mirror.catalog({ reader, last, limit });
    all.push(...page);
    if (page.length < limit) return all;
    last = page.at(-1);
  }
}

function registry(text: string): UpstreamName {
  return parseUpstreamName(text) ?? expect.fail('a registry');
}

function found(name: string): SearchResult {
  return { name, description: `about ${name}`, starCount: 3, isOfficial: false, isAutomated: false };
}

describe('the catalog', () => {
  it('lists what is cached, page by page, and asks nobody', async () => {
    await using fixture = await MirrorFixture.open();
    for (const name of ['library/a', 'library/b', 'owner/c']) {
      fixture.upstream.addManifest(name, image.bytes, 'latest');
      await fixture.mirror.manifest(target(name), byTag('latest'), 'GET');
    }
    fixture.upstream.before = () => {
      throw new UpstreamError('unavailable', 'upstream refused the connection');
    };

    expect(await fixture.mirror.catalog({ reader: anonymous, last: undefined, limit: 2 })).toEqual([
      'library/a',
      'library/b',
    ]);
    expect(await fixture.mirror.catalog({ reader: anonymous, last: 'library/b', limit: 2 })).toEqual([
      'owner/c',
    ]);
  });
});

describe('the catalog of several registries', () => {
  it('is in lexical order, page by page, of any length', async () => {
    const names = [
      'alpha/one',
      'docker.io/my.group/app',
      'docker.io/z.group/app',
      'ghcr.io/owner/app',
      'ghcr.io/owner/tool',
      'ghcr/app',
      'library/busybox',
      'quay.io/a/b',
      'zulu/last',
    ];
    await using fixture = await holding(names, {
      others: [new ScriptedUpstream('quay.io'), new ScriptedUpstream('ghcr.io')],
    });

    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 10 }), async (limit) => {
        expect(await pages(fixture.mirror, anonymous, limit)).toEqual(names);
      }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.constantFrom(...names),
          fc.constantFrom('docker.io/', 'docker.io', 'ghcr.io/z', 'zz', 'a'),
        ),
        async (last) => {
          const page = await fixture.mirror.catalog({ reader: anonymous, last, limit: 100 });
          expect(page).toEqual(names.filter((name) => name > last));
        },
      ),
    );
  });

  it('has names under which each repository can be pulled', async () => {
    const names = ['docker.io/my.group/app', 'ghcr.io/owner/app', 'library/busybox'];
    await using fixture = await holding(names, { others: [new ScriptedUpstream('ghcr.io')] });

    for (const name of await pages(fixture.mirror, anonymous, 10)) {
      expect(await fixture.mirror.manifest(target(name), byTag('latest'), 'GET')).toMatchObject({
        result: 'hit',
      });
    }
  });

  it('shows what is private only to who may read it, and asks no registry for that', async () => {
    const registry = new ScriptedUpstream('registry.corp').guard('team/open');
    await using fixture = await holding(
      ['library/busybox', 'registry.corp/team/open', 'registry.corp/team/secret'],
      {
        others: [registry],
      },
    );
    await fixture.mirror.manifest(target('registry.corp/team/open'), byTag('latest'), 'GET');
    registry.requests.length = 0;
    const asked = registry.anonymous?.requests.length;

    const everybodys = ['library/busybox', 'registry.corp/team/open'];
    expect(await pages(fixture.mirror, anonymous, 1)).toEqual(everybodys);
    expect(await pages(fixture.mirror, alice, 2)).toEqual([...everybodys, 'registry.corp/team/secret']);
    const token = { ...alice, repositories: new Set(['registry.corp/team/secret']) };
    expect(await pages(fixture.mirror, token, 2)).toEqual([...everybodys, 'registry.corp/team/secret']);
    expect(await pages(fixture.mirror, { ...token, repositories: new Set() }, 2)).toEqual(everybodys);
    expect(registry.requests).toEqual([]);
    expect(registry.anonymous?.requests).toHaveLength(asked ?? 0);
  });

  it('leaves out what the rules deny to the reader', async () => {
    await using fixture = await holding(['library/busybox', 'team/app'], {
      access: { rules: [{ match: 'docker.io/team/*', allow: ['user:alice'] }] },
    });

    expect(await pages(fixture.mirror, anonymous, 10)).toEqual(['library/busybox']);
    expect(await pages(fixture.mirror, alice, 10)).toEqual(['library/busybox', 'team/app']);
  });
});

describe('a client that is bound to one registry', () => {
  const options = () => ({ others: [new ScriptedUpstream('ghcr.io')] });
  const names = ['ghcr.io/owner/busybox', 'library/busybox'];

  it('finds no other registry in the catalog', async () => {
    await using fixture = await holding(names, options());
    const page = { reader: anonymous, last: undefined, limit: 10 };
    const list = (namespace: string) => fixture.mirror.catalog({ ...page, namespace: registry(namespace) });

    expect(await list('ghcr.io')).toEqual(['ghcr.io/owner/busybox']);
    expect(await list('docker.io')).toEqual(['library/busybox']);
  });

  it('finds nothing of Docker Hub when it is bound to another', async () => {
    await using fixture = await holding(names, options());
    fixture.upstream.found = [found('busybox')];
    const search = async (namespace: string) =>
      (
        await fixture.mirror.search({
          reader: anonymous,
          term: 'busybox',
          limit: 25,
          namespace: registry(namespace),
        })
      ).results.map(({ name }) => name);

    expect(await search('ghcr.io')).toEqual(['ghcr.io/owner/busybox']);
    expect(await search('docker.io')).toEqual(['busybox']);
  });
});

describe('a search', () => {
  it("gives what Docker Hub's own finds", async () => {
    await using fixture = await MirrorFixture.open();
    fixture.upstream.found = [found('busybox'), found('owner/busybox')];

    const answer = await fixture.mirror.search({ reader: anonymous, term: 'busybox', limit: 25 });

    expect(answer).toEqual({ results: fixture.upstream.found, warning: undefined });
    expect(fixture.upstream.requests).toEqual(['SEARCH busybox 25']);
  });

  it('names what it finds as it has to be pulled here', async () => {
    const hub = new ScriptedUpstream();
    await using fixture = await MirrorFixture.open({
      upstream: new ScriptedUpstream('quay.io'),
      others: [hub],
    });
    hub.found = [found('busybox')];

    const { results } = await fixture.mirror.search({ reader: anonymous, term: 'busybox', limit: 25 });

    expect(results).toEqual([{ ...found('busybox'), name: 'docker.io/busybox' }]);
    expect(hub.count('SEARCH')).toBe(1);
  });

  it('asks Docker Hub without credentials', async () => {
    const hub = new ScriptedUpstream().guard();
    await using fixture = await MirrorFixture.open({ upstream: hub });

    await fixture.mirror.search({ reader: alice, term: 'busybox', limit: 25 });

    expect(hub.requests).toEqual([]);
    expect(hub.anonymous?.requests).toEqual(['SEARCH busybox 25']);
  });

  it('leaves out what the rules deny to the reader', async () => {
    await using fixture = await MirrorFixture.open({
      access: {
        mirror: { allow: [], deny: ['docker.io/evil/*'] },
        rules: [{ match: 'docker.io/library/*', allow: ['authenticated'] }],
      },
    });
    fixture.upstream.found = [
      found('busybox'),
      found('evil/busybox'),
      found('owner/busybox'),
      found('NO NAME'),
    ];

    const names = async (reader: Reader): Promise<readonly string[]> =>
      (await fixture.mirror.search({ reader, term: 'busybox', limit: 25 })).results.map(({ name }) => name);

    expect(await names(anonymous)).toEqual(['owner/busybox']);
    expect(await names(alice)).toEqual(['busybox', 'owner/busybox']);
  });

  it('finds cached names when Docker Hub is out of reach, and says so', async () => {
    await using fixture = await holding(['library/busybox', 'owner/BusyBox'.toLowerCase(), 'owner/other']);
    fixture.upstream.before = () =>
      Promise.reject(new UpstreamError('unavailable', 'upstream refused the connection'));

    const { results, warning } = await fixture.mirror.search({ reader: anonymous, term: 'BUSY', limit: 25 });

    expect(results.map(({ name }) => name)).toEqual(['library/busybox', 'owner/busybox']);
    expect(warning).toBe('upstream refused the connection');
    expect((await fixture.mirror.search({ reader: anonymous, term: 'busy', limit: 1 })).results).toHaveLength(
      1,
    );
  });

  it('finds cached names after three seconds when Docker Hub hangs', async () => {
    await using fixture = await holding(['library/busybox']);
    const hanging = Promise.withResolvers<undefined>();
    fixture.upstream.before = () => hanging.promise;

    const answer = fixture.mirror.search({ reader: anonymous, term: 'busy', limit: 25 });
    await fixture.clock.advance(3_000);

    expect((await answer).results).toMatchObject([{ name: 'library/busybox' }]);
    hanging.resolve(undefined);
  });

  it('does not ask a Docker Hub that is known to fail', async () => {
    await using fixture = await holding(['library/busybox']);
    await fixture.clock.advance(60_000);
    fixture.upstream.before = () => Promise.reject(new UpstreamError('unavailable', 'down'));
    await fixture.mirror.manifest(target('busybox'), byTag('latest'), 'GET');

    await fixture.mirror.search({ reader: anonymous, term: 'busy', limit: 25 });

    expect(fixture.upstream.count('SEARCH')).toBe(0);
  });

  it('finds of a private registry only what the reader may see', async () => {
    const registry = new ScriptedUpstream('registry.corp').guard('team/open');
    await using fixture = await holding(['team/open', 'team/secret'], { upstream: registry });
    await fixture.mirror.manifest(target('team/open'), byTag('latest'), 'GET');

    const names = async (reader: Reader): Promise<readonly string[]> =>
      (await fixture.mirror.search({ reader, term: 'team', limit: 25 })).results.map(({ name }) => name);

    expect(await names(anonymous)).toEqual(['team/open']);
    expect(await names(alice)).toEqual(['team/open', 'team/secret']);
    expect(registry.count('SEARCH')).toBe(0);
  });
});
