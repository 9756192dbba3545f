import { describe, expect, it } from 'vitest';
import { isNear, nearestNames, nearestTags } from '../../../../src/mirror/offline/nearest.ts';

describe('the tags nearest to one that is wanted', () => {
  it.each([
    ['18', ['20', '18-alpine', 'latest'], ['18-alpine', '20', 'latest']],
    ['18-alpine', ['20-alpine', '18', '18-slim', '22-alpine'], ['18-slim', '18', '20-alpine']],
    ['1.20', ['1.2', '1.19.4', '1.20.3'], ['1.20.3', '1.19.4', '1.2']],
    ['v1.4', ['1.4.2', 'v1.3', '2.0'], ['1.4.2', 'v1.3', '2.0']],
    ['20.04', ['22.04', '24.04'], ['22.04', '24.04']],
    ['latest', ['18', '20', '9'], ['20', '18', '9']],
    ['lts', ['latest', 'lts-alpine', '20'], ['latest', 'lts-alpine', '20']],
    ['jammy', ['noble', 'jammy-20240808', '22.04'], ['noble', 'jammy-20240808', '22.04']],
  ])('to %s of %j are %j', (wanted, tags, expected) => {
    expect(nearestTags(wanted, tags)).toEqual(expected);
  });

  it('are three at most', () => {
    expect(nearestTags('1', ['1.1', '1.2', '1.3', '1.4'])).toEqual(['1.4', '1.3', '1.2']);
  });
});

describe('the names nearest to one that is wanted', () => {
  const names = ['library/node', 'library/nginx', 'bitnami/postgresql', 'ghcr.io/acme/app'];

  it.each([
    ['library/nod', ['library/node']],
    ['library/ngnix', ['library/nginx']],
    ['library/postgresql', ['bitnami/postgresql']],
    ['library/mysql', []],
  ])('to %s are %j', (wanted, expected) => {
    expect(nearestNames(wanted, names)).toEqual(expected);
  });

  it('are not those of another word that is as short', () => {
    expect(isNear('library/go', 'library/gcc')).toBe(false);
  });
});
