import { describe, expect, it } from 'vitest';
import {
  imageReferenceProblem,
  imageReferenceText,
  parseImageReference,
} from '../../../src/oci/image-reference.ts';

const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;

function canonical(text: string): string | undefined {
  const reference = parseImageReference(text);
  return reference === undefined ? undefined : imageReferenceText(reference);
}

describe('an image reference', () => {
  it.each([
    ['node', 'docker.io/library/node:latest'],
    ['node:18', 'docker.io/library/node:18'],
    ['library/node:18', 'docker.io/library/node:18'],
    ['docker.io/node', 'docker.io/library/node:latest'],
    ['index.docker.io/library/node', 'docker.io/library/node:latest'],
    ['bitnami/redis:7.2', 'docker.io/bitnami/redis:7.2'],
    ['ghcr.io/acme/app', 'ghcr.io/acme/app:latest'],
    [`ghcr.io/acme/app@${digest}`, `ghcr.io/acme/app@${digest}`],
    [`node:18@${digest}`, `docker.io/library/node:18@${digest}`],
    ['localhost/x', 'localhost/x:latest'],
    ['localhost:5000/x:1', 'localhost:5000/x:1'],
    ['[::1]:5000/x:1', '[::1]:5000/x:1'],
    ['GHCR.io/acme/app:V1', 'ghcr.io/acme/app:V1'],
    ['Registry/app', 'registry/app:latest'],
    ['node:5000', 'docker.io/library/node:5000'],
    ['a/b/c:1', 'docker.io/a/b/c:1'],
  ])('%s is %s', (text, expected) => {
    expect(canonical(text)).toBe(expected);
    expect(imageReferenceProblem(text)).toBeUndefined();
  });

  it.each(['node', `node:18@${digest}`, `ghcr.io/a/b@${digest}`, 'localhost:5000/x:1'])(
    '%s is read back from its text as the same',
    (text) => {
      const reference = parseImageReference(text);
      expect(reference).toBeDefined();
      expect(reference && parseImageReference(imageReferenceText(reference))).toEqual(reference);
    },
  );

  it.each([
    ['', /no image reference/],
    ['node:', /malformed tag/],
    ['node:18:19', /no image reference/],
    ['node@sha256:123', /malformed digest/],
    ['node@', /malformed digest/],
    [`node:${'x'.repeat(129)}`, /malformed tag/],
    ['a node', /no image reference/],
    ['Node', /capital letters/],
    ['ghcr.io/Acme/App:1', /capital letters/],
    ['https://ghcr.io/acme/app', /like a URL/],
    ['docker://node', /like a URL/],
    ['0123456789abcdef'.repeat(4), /ID of an image/],
    ['$TAG', /no image reference/],
    ['a..b/c', /malformed registry: a\.\.b$/],
    ['x'.repeat(300), /no image reference/],
  ])('%s is none, and it is said why', (text, why) => {
    expect(parseImageReference(text)).toBeUndefined();
    expect(imageReferenceProblem(text)).toMatch(why);
  });
});
