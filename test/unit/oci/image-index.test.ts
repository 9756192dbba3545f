import { describe, expect, it } from 'vitest';
import { readImageIndex } from '../../../src/oci/image-index.ts';
import { makeArtifactIndex } from '../../support/artifact.ts';
import { makeAttestedIndex } from '../../support/attested-index.ts';
import { descriptor, makeImage, makeIndex } from '../../support/image.ts';

describe('an index', () => {
  it('lists a platform for each image, and what BuildKit attests of it', () => {
    const index = makeAttestedIndex(2);
    const [one, two] = index.platforms;
    const [ofOne, ofTwo] = index.attestations;

    const { platforms, attestations } = readImageIndex(index.bytes);

    expect(platforms).toEqual([one?.digest, two?.digest]);
    expect([...attestations]).toEqual([
      [one?.digest, [ofOne?.digest]],
      [two?.digest, [ofTwo?.digest]],
    ]);
  });

  it('of Docker’s type has its platforms, too', () => {
    const image = makeImage();

    expect(readImageIndex(makeIndex([image]).bytes)).toEqual({
      platforms: [image.digest],
      attestations: new Map(),
    });
  });

  it('has no platform for what no machine runs, nor for an index in it', () => {
    const image = makeImage({ oci: true });
    const inner = makeIndex([image], { oci: true });
    const unknown = { ...descriptor(image), platform: { os: 'unknown', architecture: 'unknown' } };

    expect(readImageIndex(makeArtifactIndex([descriptor(inner), unknown]).bytes).platforms).toEqual([]);
  });

  it.each([
    ['another type of annotation', { 'vnd.docker.reference.type': 'something-else' }],
    ['no digest', { 'vnd.docker.reference.digest': undefined }],
    ['no valid digest', { 'vnd.docker.reference.digest': 'sha256:12' }],
  ])('takes nothing for an attestation that has %s', (_what, annotations) => {
    const image = makeImage({ oci: true });
    const whole = {
      'vnd.docker.reference.type': 'attestation-manifest',
      'vnd.docker.reference.digest': image.digest,
    };
    const listed = { ...descriptor(image), annotations: { ...whole, ...annotations } };

    expect(readImageIndex(makeArtifactIndex([listed]).bytes)).toEqual({
      platforms: [image.digest],
      attestations: new Map(),
    });
  });
});
