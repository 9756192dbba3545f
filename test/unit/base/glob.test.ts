import { describe, expect, it } from 'vitest';
import { repositoryGlob, tagGlob } from '../../../src/base/glob.ts';

describe('a glob on tags', () => {
  it.each([
    ['*:latest', 'library/nginx:latest', true],
    ['*:latest', 'library/nginx:latest-alpine', false],
    ['library/*', 'library/nginx:1.27', true],
    ['library/*', 'acme/nginx:1.27', false],
    ['*:v[0-9]*.[0-9]*', 'acme/app/api:v1.20', true],
    ['*:v[0-9]*.[0-9]*', 'acme/app/api:vnext', false],
    ['*:{main,edge}', 'acme/app:edge', true],
    ['*:?', 'acme/app:7', true],
    ['*/.hidden:*', 'acme/.hidden:x', true],
  ])('%s on %s: %s', (pattern, text, matches) => {
    expect(tagGlob(pattern)(text)).toBe(matches);
  });
});

describe('a glob on repositories', () => {
  it.each([
    ['ghcr.io/acme/*', 'ghcr.io/acme/app', true],
    ['ghcr.io/acme/*', 'ghcr.io/acme/app/api', false],
    ['ghcr.io/acme/*', 'ghcr.io/acme', false],
    ['ghcr.io/**', 'ghcr.io/acme/app/api', true],
    ['ghcr.io/**', 'ghcr.io', true],
    ['ghcr.io/**', 'ghcr.io.evil.example/acme/app', false],
    ['ghcr.io/**', 'quay.io/ghcr.io/app', false],
    ['**/secret', 'ghcr.io/acme/secret', true],
    ['ghcr.io/**/secret', 'ghcr.io/a/b/secret', true],
    ['ghcr.io/**/secret', 'ghcr.io/secret', true],
    ['*/library/*', 'docker.io/library/nginx', true],
    ['*/library/*', 'docker.io/acme/library/nginx', false],
    ['{ghcr.io,quay.io}/acme/**', 'quay.io/acme/app', true],
    ['ghcr.io/acme/app', 'ghcr.io/acme/app2', false],
    ['ghcrxio/acme', 'ghcr.io/acme', false],
    ['ghcr.io/acme', 'ghcrxio/acme', false],
    ['host:5000/**', 'host:5000/app', true],
    ['**', 'docker.io/library/nginx', true],
    ['ghcr.io/[a-c]*', 'ghcr.io/cat', true],
    ['ghcr.io/[a-c]*', 'ghcr.io/dog', false],
  ])('%s on %s: %s', (pattern, text, matches) => {
    expect(repositoryGlob(pattern)(text)).toBe(matches);
  });

  it.each([
    '',
    'ghcr.io/[acme',
    'ghcr.io/{a,b',
    'ghcr.io/a]',
    '!ghcr.io/**',
    'ghcr.io/[!a]',
    '(a|b)',
    'a\\*',
  ])('cannot be %j', (pattern) => {
    expect(() => repositoryGlob(pattern)).toThrow(SyntaxError);
  });
});
