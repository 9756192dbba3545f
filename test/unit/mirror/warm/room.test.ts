import { expect, it } from 'vitest';
import { Room } from '../../../../src/mirror/warm/room.ts';
import { digestOf, type Digest } from '../../../../src/oci/digest.ts';
import {
  parseRepositoryName,
  parseUpstreamName,
  type Repository,
  type UpstreamName,
} from '../../../../src/oci/reference.ts';
import type { Scope } from '../../../../src/store/evictions.ts';

const hub = upstreamOf('docker.io');

function upstreamOf(text: string): UpstreamName {
  const name = parseUpstreamName(text);
  if (name === undefined) throw new Error(`not an upstream: ${text}`);
  return name;
}

function repositoryOf(text: string, upstream = hub): Repository {
  const name = parseRepositoryName(text);
  if (name === undefined) throw new Error(`not a repository: ${text}`);
  return { upstream, name };
}

function blobs(sizes: Readonly<Record<string, number>>): ReadonlyMap<Digest, number> {
  return new Map(Object.entries(sizes).map(([name, size]) => [digestOf(Buffer.from(name)), size]));
}

/** Refuses more than 100 bytes in all, or 60 in a scope. */
const admission = {
  refusalTogether: (repository: Repository, bytesIn: (scope?: Scope) => number): string | undefined => {
    if (bytesIn() > 100) return 'too much';
    return [{ upstream: repository.upstream }, repository].some((scope) => bytesIn(scope) > 60)
      ? 'too much of it'
      : undefined;
  },
};

it('images that share blobs need room for them once', () => {
  const room = new Room(admission);

  expect(room.take(repositoryOf('a'), blobs({ base: 50 }))).toBeUndefined();
  expect(room.take(repositoryOf('b'), blobs({ base: 50, own: 10 }))).toBeUndefined();
  expect(room.take(repositoryOf('c'), blobs({ other: 20 }))).toBe(
    'too much of it: 80 B in all, with those before it',
  );
});

it('an image that is refused takes no room from the next', () => {
  const room = new Room(admission);
  const [quay, ghcr] = [upstreamOf('quay.io'), upstreamOf('ghcr.io')];

  expect(room.take(repositoryOf('a'), blobs({ one: 55 }))).toBeUndefined();
  expect(room.take(repositoryOf('a', quay), blobs({ two: 60 }))).toBe(
    'too much: 115 B in all, with those before it',
  );
  expect(room.take(repositoryOf('a', ghcr), blobs({ three: 45 }))).toBeUndefined();
});
