import { describe, expect, test } from 'vitest';
import { manifestMediaType, readManifest } from '../../../src/oci/manifest.ts';
import { accepts, dockerImageConfig, mediaTypes } from '../../../src/oci/media-type.ts';

const { dockerManifest, ociManifest } = mediaTypes;

describe('an Accept header', () => {
  test.each([
    [dockerManifest, true],
    [`${ociManifest}, ${dockerManifest};q=0.5`, true],
    ['application/*', true],
    ['*/*', true],
    [ociManifest, false],
    [`${dockerManifest};q=0`, false],
    [`nonsense, ${ociManifest}`, false],
  ])('%s is obeyed', (accept, isAdmitted) => {
    expect(accepts(accept, dockerManifest)).toBe(isAdmitted);
  });

  test.each([
    undefined,
    '',
    // ramalama/transports/ollama.py puts the name of the header into its value.
    `Accept: ${ociManifest}`,
    'text',
    ',;',
  ])('%s says nothing, and so admits all', (accept) => {
    expect(accepts(accept, dockerManifest)).toBe(true);
  });
});

describe('the type of a manifest that comes as text/plain', () => {
  const blob = { digest: `sha256:${'1'.repeat(64)}`, size: 1 };
  const typeOf = (manifest: object): string =>
    manifestMediaType('text/plain; charset=utf-8', readManifest(Buffer.from(JSON.stringify(manifest))));

  test('is the one that it states', () => {
    const config = { ...blob, mediaType: dockerImageConfig };
    expect(typeOf({ mediaType: ociManifest, config })).toBe(ociManifest);
    expect(typeOf({ mediaType: dockerManifest, config })).toBe(dockerManifest);
  });

  test('is that of its config, where it states none', () => {
    expect(typeOf({ config: { ...blob, mediaType: dockerImageConfig } })).toBe(dockerManifest);
    const oci = 'application/vnd.oci.image.config.v1+json';
    expect(typeOf({ config: { ...blob, mediaType: oci } })).toBe(ociManifest);
  });
});

describe('the type of a manifest that comes as something else', () => {
  const blob = { digest: `sha256:${'1'.repeat(64)}`, size: 1 };
  const layers = [{ ...blob, mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip' }];
  const manifests = [{ ...blob, mediaType: ociManifest }];
  const typeOf = (contentType: string, manifest: object): string =>
    manifestMediaType(contentType, readManifest(Buffer.from(JSON.stringify(manifest))));

  test('is the one that it states', () => {
    expect(typeOf(mediaTypes.ociIndex, { mediaType: dockerManifest, layers })).toBe(dockerManifest);
    expect(typeOf(dockerManifest, { mediaType: mediaTypes.ociIndex, manifests })).toBe(mediaTypes.ociIndex);
  });

  test('is that of its shape, where it states none', () => {
    expect(typeOf(mediaTypes.ociIndex, { layers })).toBe(ociManifest);
    expect(typeOf(dockerManifest, { layers })).toBe(ociManifest);
    expect(typeOf(ociManifest, { manifests })).toBe(mediaTypes.ociIndex);
    expect(typeOf(mediaTypes.dockerManifestList, { manifests })).toBe(mediaTypes.ociIndex);
  });

  test('is what it comes as, where its bytes leave that open', () => {
    expect(typeOf(mediaTypes.ociIndex, { manifests: [] })).toBe(mediaTypes.ociIndex);
    expect(typeOf(ociManifest, { mediaType: 'application/vnd.example+json', layers })).toBe(ociManifest);
  });
});
