import { describe, expect, it } from 'vitest';
import { Routing } from '../../../../src/oci/routing.ts';
import { imagePattern } from '../../../../src/cache/space/pin-pattern.ts';
import { digestOf } from '../../../../src/oci/digest.ts';
import { parseRepositoryName, parseTag, parseUpstreamName } from '../../../../src/oci/reference.ts';

const digest = digestOf(Buffer.from('an image'));
const hub = parseUpstreamName('docker.io');
const upstreams = ['docker.io', 'ghcr.io', 'registry.lan:5000', 'registry.lan'].flatMap(
  (name) => parseUpstreamName(name) ?? [],
);
const names = new Routing(
  upstreams.map((name) => ({ name })),
  hub,
);

/** Whether a pattern means an image, where plain names mean Docker Hub. */
function means(pattern: string, upstream: string, name: string, ...tags: readonly string[]): boolean {
  const repository = { upstream: parseUpstreamName(upstream), name: parseRepositoryName(name) };
  if (repository.upstream === undefined || repository.name === undefined) throw new Error('not a name');
  const { upstream: registry, name: path } = repository;
  const parsed = tags.map(parseTag).filter((tag) => tag !== undefined);
  return imagePattern(pattern)(names.writtenNames({ upstream: registry, name: path }), parsed, digest);
}

describe('a pattern of images', () => {
  it.each([
    ['docker.io/library/node:*', 'docker.io', 'library/node', '20'],
    ['docker.io/library/node:20', 'docker.io', 'library/node', '20'],
    ['node:20', 'docker.io', 'library/node', '20'],
    ['node:20', 'docker.io', 'library/node', '18', '20'],
    ['library/node:2*', 'docker.io', 'library/node', '20-slim'],
    ['docker.io/node:20', 'docker.io', 'library/node', '20'],
    ['node', 'docker.io', 'library/node', '20'],
    ['node', 'docker.io', 'library/node'],
    ['node:*', 'docker.io', 'library/node'],
    ['grafana/*:latest', 'docker.io', 'grafana/loki', 'latest'],
    ['ghcr.io/acme/*', 'ghcr.io', 'acme/app/base', '1'],
    ['ghcr.io/*', 'ghcr.io', 'acme/app', '1'],
    ['registry.lan:5000/app', 'registry.lan:5000', 'app', '1'],
    ['registry.lan:5000/app:1', 'registry.lan:5000', 'app', '1'],
    [`ghcr.io/acme/app@${digest}`, 'ghcr.io', 'acme/app'],
    [`node@${digest}`, 'docker.io', 'library/node', '20'],
    ['node:{18,20}', 'docker.io', 'library/node', '20'],
  ])('%s means %s/%s %s', (pattern, upstream, name, ...tags) => {
    expect(means(pattern, upstream, name, ...tags)).toBe(true);
  });

  it.each([
    ['node:20', 'docker.io', 'library/node', '18'],
    ['node:20', 'docker.io', 'library/node'],
    ['node', 'docker.io', 'library/node-exporter', '20'],
    ['node', 'docker.io', 'acme/node', '20'],
    ['node', 'ghcr.io', 'library/node', '20'],
    ['acme/app', 'ghcr.io', 'acme/app', '1'],
    ['docker.io/library/two:latest', 'docker.io', 'library/three', 'latest'],
    ['registry.lan:5000/app', 'registry.lan', 'app', '5000'],
    [`node@${digestOf(Buffer.from('another'))}`, 'docker.io', 'library/node', '20'],
    [`acme/app@${digest}`, 'ghcr.io', 'acme/app'],
  ])('%s does not mean %s/%s %s', (pattern, upstream, name, ...tags) => {
    expect(means(pattern, upstream, name, ...tags)).toBe(false);
  });

  it('that is none is refused', () => {
    expect(() => imagePattern('no de')).toThrow(SyntaxError);
    expect(() => imagePattern('node:{1')).toThrow(SyntaxError);
  });
});
