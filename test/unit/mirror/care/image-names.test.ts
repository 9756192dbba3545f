import { describe, expect, it } from 'vitest';
import { ImageNames } from '../../../../src/mirror/care/image-names.ts';
import { Routing } from '../../../../src/mirror/routing.ts';
import { referenceText, repositoryKey, type Tag, type UpstreamName } from '../../../../src/oci/reference.ts';
import { digestOf } from '../../../../src/oci/digest.ts';
import { repository } from '../../../support/care-house.ts';

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
