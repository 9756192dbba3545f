import { describe, expect, it } from 'vitest';
import {
  digestAlgorithm,
  digestHex,
  digestOf,
  DigestVerifier,
  parseDigest,
} from '../../../src/oci/digest.ts';

describe('a digest', () => {
  it.each([
    ['sha256', 64],
    ['sha384', 96],
    ['sha512', 128],
  ] as const)('of %s has %d hex digits', (algorithm, length) => {
    const digest = digestOf(Buffer.from('hello'), algorithm);
    expect(digestHex(digest)).toHaveLength(length);
    expect(parseDigest(digest)).toBe(digest);
    expect(digestAlgorithm(digest)).toBe(algorithm);
    const verifier = new DigestVerifier(digest);
    verifier.update(Buffer.from('hel'));
    expect(verifier.matches()).toBe(false);
    verifier.update(Buffer.from('lo'));
    expect(verifier.matches()).toBe(true);
  });

  it.each([
    '',
    'sha256:',
    `sha256:${'a'.repeat(63)}`,
    `sha256:${'A'.repeat(64)}`,
    `sha384:${'a'.repeat(64)}`,
    `sha384:${'a'.repeat(128)}`,
    `md5:${'a'.repeat(32)}`,
    `sha1:${'a'.repeat(40)}`,
    `../sha256:${'a'.repeat(64)}`,
    `sha256:${'a'.repeat(64)}\n`,
  ])('is not %j', (text) => {
    expect(parseDigest(text)).toBeUndefined();
  });
});
