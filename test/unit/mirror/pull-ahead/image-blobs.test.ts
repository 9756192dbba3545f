import { describe, expect, it } from 'vitest';
import { imageBlobs } from '../../../../src/mirror/pull-ahead/image-blobs.ts';
import { digestOf, type Digest } from '../../../../src/oci/digest.ts';
import { readManifest, type Descriptor } from '../../../../src/oci/manifest.ts';
import { makeArtifact } from '../../../support/artifact.ts';
import { makeImage } from '../../../support/image.ts';

const imageConfig = 'application/vnd.oci.image.config.v1+json';
const layerType = 'application/vnd.oci.image.layer.v1.tar+gzip';

const some = (mediaType: string, text: string, size = 1): Descriptor => ({
  mediaType,
  digest: digestOf(Buffer.from(text)),
  size,
});

const config = some(imageConfig, 'config');

function blobsOf(manifest: object): readonly Digest[] {
  return imageBlobs(readManifest(Buffer.from(JSON.stringify({ config, ...manifest }))));
}

describe('what a client asks for after a manifest', () => {
  it.each([true, false])('is the config and then the layers, as listed (OCI: %s)', (oci) => {
    const image = makeImage({ layers: 4, oci });

    expect(imageBlobs(readManifest(image.bytes))).toEqual(
      [image.config, ...image.layers].map(({ digest }) => digest),
    );
  });

  it('is each blob once, and none without bytes', () => {
    const [one, other] = [some(layerType, 'one'), some(layerType, 'other')];

    expect(blobsOf({ layers: [one, some(layerType, '', 0), other, one] })).toEqual(
      [config, one, other].map(({ digest }) => digest),
    );
  });

  it('is not a layer that has its own address', () => {
    const foreign = {
      ...some('application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', 'windows'),
      urls: ['https://elsewhere.example/layer'],
    };
    const layer = some(layerType, 'layer');

    expect(blobsOf({ layers: [foreign, layer] })).toEqual([config.digest, layer.digest]);
  });

  it.each([
    'application/vnd.oci.image.layer.v1.tar',
    'application/vnd.oci.image.layer.v1.tar+zstd',
    'application/vnd.oci.image.layer.v1.tar+gzip+encrypted',
    'application/vnd.docker.image.rootfs.diff.tar.zstd',
  ])('is a layer of type %s', (mediaType) => {
    const layer = some(mediaType, 'layer');

    expect(blobsOf({ layers: [layer] })).toEqual([config.digest, layer.digest]);
  });

  it.each<[string, object]>([
    ['an attestation of BuildKit', { layers: [some('application/vnd.in-toto+json', 'statement')] }],
    ['a nydus image', { layers: [some('application/vnd.oci.image.layer.nydus.blob.v1', 'nydus')] }],
    ['what refers to another manifest', { layers: [some(layerType, 'x')], subject: some('x/y', 'subject') }],
    ['what states its artifact type', { layers: [some(layerType, 'x')], artifactType: 'application/x' }],
    ['what has no config', { config: undefined, layers: [some(layerType, 'x')] }],
  ])('is nothing for %s', (_what, manifest) => {
    expect(blobsOf(manifest)).toEqual([]);
  });

  it('is nothing for charts and other artifacts with configs of their own', () => {
    const chart = makeArtifact({
      configType: 'application/vnd.cncf.helm.config.v1+json',
      layerType: 'application/vnd.cncf.helm.chart.content.v1.tar+gzip',
    });

    expect(imageBlobs(readManifest(chart.bytes))).toEqual([]);
    expect(imageBlobs(readManifest(makeArtifact({ layerType }).bytes))).toEqual([]);
  });
});
