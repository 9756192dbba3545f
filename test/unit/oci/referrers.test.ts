import { describe, expect, it } from 'vitest';
import { digestOf, parseDigest } from '../../../src/oci/digest.ts';
import { ManifestSyntaxError } from '../../../src/oci/manifest.ts';
import { readReferrers, referrerDescriptor, referrersTag } from '../../../src/oci/referrers.ts';
import { makeArtifact, makeArtifactIndex, makeDeprecatedArtifact } from '../../support/artifact.ts';
import { descriptor } from '../../support/image.ts';

const artifact = makeArtifact({
  artifactType: 'application/vnd.example',
  annotations: { 'org.example': 'yes' },
});

describe('the referrers tag', () => {
  it.each([
    [`sha256:${'a'.repeat(64)}`, `sha256-${'a'.repeat(64)}`],
    [`sha384:${'a'.repeat(96)}`, `sha384-${'a'.repeat(64)}`],
    [`sha512:${'a'.repeat(128)}`, `sha512-${'a'.repeat(64)}`],
  ])('of %s is %s, as the table of the spec has it', (text, tag) => {
    expect(referrersTag(parseDigest(text) ?? digestOf(Buffer.alloc(0)))).toBe(tag);
  });
});

describe('a descriptor of a referrer', () => {
  it('has the artifact type and the annotations of its manifest', () => {
    expect(referrerDescriptor(artifact)).toEqual({
      ...descriptor(artifact),
      artifactType: 'application/vnd.example',
      annotations: { 'org.example': 'yes' },
    });
  });

  it('has the type of the config where the manifest states none, or an empty one', () => {
    const configType = 'application/vnd.example.config';
    for (const stated of [{}, { artifactType: '' }]) {
      const { artifactType } = referrerDescriptor(makeArtifact({ configType, ...stated }));
      expect(artifactType).toBe(configType);
    }
  });

  it('has no artifact type where an index, or a manifest without config, states none', () => {
    for (const untyped of [makeArtifactIndex([descriptor(artifact)]), makeDeprecatedArtifact()]) {
      expect(referrerDescriptor(untyped)).toEqual(descriptor(untyped));
    }
  });
});

describe('a list of referrers', () => {
  const read = (value: unknown) => readReferrers(Buffer.from(JSON.stringify(value)));

  it('is read with what it says of each, and with nothing else', () => {
    const listed = { ...descriptor(artifact), artifactType: 'a/b', annotations: { one: 'two' } };
    const manifests = [{ ...listed, urls: ['https://example.org'], data: 'aGk=' }, descriptor(artifact)];
    expect(read({ manifests })).toEqual([listed, descriptor(artifact)]);
  });

  it('leaves out annotations and types that are no text', () => {
    const odd = { ...descriptor(artifact), artifactType: 7, annotations: { number: 1, text: 'kept' } };
    expect(read({ manifests: [odd] })).toEqual([{ ...descriptor(artifact), annotations: { text: 'kept' } }]);
    expect(read({ manifests: [{ ...odd, annotations: ['x'] }] })).toEqual([descriptor(artifact)]);
  });

  it('may be empty', () => {
    expect(read({ manifests: [] })).toEqual([]);
    expect(read({ manifests: null })).toEqual([]);
  });

  it.each([
    ['a manifest', { config: {}, layers: [] }],
    ['a list of nonsense', { manifests: [{ digest: 'sha256:abc' }] }],
    ['no object', ['x']],
  ])('is not %s', (_, value) => {
    expect(() => read(value)).toThrow(ManifestSyntaxError);
  });

  it('is no web page', () => {
    expect(() => readReferrers(Buffer.from('<!doctype html>'))).toThrow(ManifestSyntaxError);
  });
});
