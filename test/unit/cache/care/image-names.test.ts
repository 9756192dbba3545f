import { describe, expect, it } from 'vitest';
import { ImageNames } from '../../../../src/cache/care/image-names.ts';
import { Routing } from '../../../../src/oci/routing.ts';
import {
  referenceText,
  repositoryKey,
  type RepositoryName,
  type Tag,
  type UpstreamName,
} from '../../../../src/oci/reference.ts';
import { digestOf } from '../../../../src/oci/digest.ts';
import { repository } from '../../../support/care-fixture.ts';

const digest = digestOf(Buffer.from('an image'));
const names = namesOf(['docker.io', 'ghcr.io'], 'docker.io');

function namesOf(upstreams: readonly string[], plain: string): ImageNames {
  const named = upstreams.map((name) => ({ name: name as UpstreamName }));
  return new ImageNames(new Routing(named, plain as UpstreamName));
}

function read(text: string, by = names): readonly string[] {
  const { repositories, reference } = by.read(text);
  return [...repositories.map(repositoryKey), referenceText(reference)];
}

describe("an image's name", () => {
  it.each([
    ['nginx', 'docker.io/library/nginx', 'latest'],
    ['node:20', 'docker.io/library/node', '20'],
    ['docker.io/node:20', 'docker.io/library/node', '20'],
    ['ghcr.io/owner/app:1', 'ghcr.io/owner/app', '1'],
    [`ghcr.io/owner/app@${digest}`, 'ghcr.io/owner/app', digest],
    [`ghcr.io/owner/app:1@${digest}`, 'ghcr.io/owner/app', digest],
  ])('%s means %s', (text, key, reference) => {
    const meant = read(text);
    expect(meant[0]).toBe(key);
    expect(meant.at(-1)).toBe(reference);
  });

  it('may be one of a registry with a port', () => {
    const by = namesOf(['localhost:5001', 'docker.io'], 'docker.io');
    expect(read('localhost:5001/app:1', by)).toEqual([
      'localhost:5001/app',
      'localhost:5001/library/app',
      '1',
    ]);
  });

  it('may be one of a registry that is no longer mirrored', () => {
    expect(read('quay.io/team/app:1')).toEqual(['quay.io/team/app', '1']);
  });

  it('is read as it is shown', () => {
    for (const name of ['library/node', 'ghcr.io/owner/app']) {
      const shown = names.show(repository(name), { tag: undefined, digest });
      expect(read(shown)[0]).toBe(repositoryKey(repository(name)));
    }
  });

  it.each(['', 'No Such', 'node:', 'node:a b', 'node@sha256:1', digest, 'a//b', ':20'])(
    '%j is none',
    (text) => {
      expect(() => names.read(text)).toThrow(expect.objectContaining({ kind: 'invalid' }));
    },
  );
});

describe('one rule for names and patterns', () => {
  const hosts = ['docker.io', 'ghcr.io', 'quay.io', 'registry.corp', 'localhost:5001'];
  const paths = [
    'ubuntu',
    'library/ubuntu',
    'library/a/b',
    'owner/app',
    'my.group/app',
    'docker.io/app',
    'ghcr.io/x/y',
  ];
  const written = [
    ...paths,
    ...[...hosts, 'index.docker.io', 'registry-1.docker.io'].flatMap((host) =>
      paths.map((path) => `${host}/${path}`),
    ),
  ];

  it.each([
    ['Docker Hub', ['docker.io', 'ghcr.io', 'localhost:5001'], 'docker.io'],
    ['a registry of its own', ['registry.corp', 'ghcr.io'], 'registry.corp'],
    ['a registry of its own beside Docker Hub', ['registry.corp', 'docker.io'], 'registry.corp'],
    ['a public registry', ['quay.io', 'ghcr.io'], 'quay.io'],
    ['one with a port', ['localhost:5001', 'docker.io'], 'localhost:5001'],
  ])('holds where plain names mean %s', (_, upstreams, plain) => {
    const by = namesOf(upstreams, plain);
    // Docker Hub has no repository of one word.
    const keys = upstreams
      .flatMap((host) => paths.map((path) => `${host}/${path}`))
      .filter((key) => key !== 'docker.io/ubuntu');
    for (const text of written) {
      let meant: readonly string[];
      try {
        meant = by.read(text).repositories.map(repositoryKey);
      } catch {
        meant = [];
      }
      const matches = by.filter(text);
      const matched = keys.filter((key) => {
        const [upstream = '', ...rest] = key.split('/');
        const name = rest.join('/') as RepositoryName;
        return matches({ repository: { upstream: upstream as UpstreamName, name }, tag: '1' as Tag, digest });
      });
      expect(matched, text).toEqual(keys.filter((key) => meant.includes(key)));
    }
  });

  it('finds ubuntu as library/ubuntu on a registry that is not Docker Hub, as rm does', () => {
    const by = namesOf(['registry.corp'], 'registry.corp');
    const ubuntu = { upstream: 'registry.corp' as UpstreamName, name: 'library/ubuntu' as RepositoryName };
    const held = { repository: ubuntu, tag: '16.04' as Tag, digest };

    expect(read('ubuntu:16.04', by)).toContain('registry.corp/library/ubuntu');
    for (const pattern of [
      'ubuntu:*',
      'ubuntu',
      'ubuntu:16.04',
      'registry.corp/ubuntu',
      `ubuntu@${digest}`,
    ]) {
      expect(by.filter(pattern)(held), pattern).toBe(true);
    }
  });
});

describe('a pattern of images', () => {
  const twenty = { repository: repository('library/node'), tag: '20' as Tag, digest };
  const app = { repository: repository('ghcr.io/owner/app'), tag: undefined, digest };

  it.each([
    ['node', true, false],
    ['node:20', true, false],
    ['node:21', false, false],
    ['library/node:*', true, false],
    ['docker.io/*', true, false],
    ['ghcr.io/*', false, true],
    [`ghcr.io/owner/app@${digest}`, false, true],
    ['*', true, true],
  ])('%s', (pattern, meansNode, meansApp) => {
    expect(names.filter(pattern)(twenty)).toBe(meansNode);
    expect(names.filter(pattern)(app)).toBe(meansApp);
  });

  it.each(['[', 'a b', '!node', ''])('%j is none', (pattern) => {
    expect(() => names.filter(pattern)).toThrow(expect.objectContaining({ kind: 'invalid' }));
    expect(() => names.checkPattern(pattern)).toThrow(expect.objectContaining({ kind: 'invalid' }));
  });

  it('is not the name of an upstream, which would pin nothing', () => {
    expect(() => names.checkPattern('ghcr.io')).toThrow('did you mean ghcr.io/*?');
  });
});
