import { describe, expect, it } from 'vitest';
import { digestOf, type Digest } from '../../../src/oci/digest.ts';
import { selectFromIndex } from '../../../src/oci/index-selection.ts';
import { ManifestSyntaxError } from '../../../src/oci/manifest.ts';
import { parsePlatforms, platformText } from '../../../src/oci/platform.ts';

const mediaType = 'application/vnd.oci.image.manifest.v1+json';

function digestFor(name: string): Digest {
  return digestOf(Buffer.from(name));
}

function entry(platform: string | undefined, more: object = {}): object {
  const [os, architecture, variant] = platform?.split('/') ?? [];
  const stated = platform === undefined ? {} : { platform: { os, architecture, variant } };
  return { mediaType, digest: digestFor(platform ?? 'none'), size: 3, ...stated, ...more };
}

function attestation(of: string): object {
  const annotations = {
    'vnd.docker.reference.type': 'attestation-manifest',
    'vnd.docker.reference.digest': digestFor(of),
  };
  return entry('unknown/unknown', { digest: digestFor(`attests ${of}`), annotations });
}

function select(entries: readonly object[], platforms: string) {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: entries }));
  const { entries: selected, replaced, missing, offered } = selectFromIndex(bytes, parsePlatforms(platforms));
  return {
    digests: selected.map(({ digest }) => digest),
    replaced: replaced.map(({ wanted, taken }) => `${platformText(taken)} for ${platformText(wanted)}`),
    missing: missing.map(platformText),
    offered: offered.map(platformText),
  };
}

const usual = [
  entry('linux/amd64'),
  attestation('linux/amd64'),
  entry('linux/arm64/v8'),
  attestation('linux/arm64/v8'),
  entry('linux/arm/v6'),
];

describe('a selection from an index', () => {
  it('has an image for each platform, with what attests something of it', () => {
    expect(select(usual, 'linux/arm64')).toEqual({
      digests: [digestFor('linux/arm64/v8'), digestFor('attests linux/arm64/v8')],
      replaced: [],
      missing: [],
      offered: ['linux/amd64', 'linux/arm64', 'linux/arm/v6'],
    });
  });

  it('of all platforms is the whole index', () => {
    const foreign = entry('unknown/unknown', { digest: digestFor('foreign') });
    expect(select([...usual, foreign], 'all')).toMatchObject({
      digests: [
        'linux/amd64',
        'attests linux/amd64',
        'linux/arm64/v8',
        'attests linux/arm64/v8',
        'linux/arm/v6',
        'foreign',
      ].map(digestFor),
      missing: [],
    });
  });

  it('takes the best that runs there, and says so', () => {
    expect(select([...usual, entry('linux/arm/v5')], 'linux/arm/v7,linux/amd64/v3')).toMatchObject({
      digests: ['linux/amd64', 'attests linux/amd64', 'linux/arm/v6'].map(digestFor),
      replaced: ['linux/arm/v6 for linux/arm/v7', 'linux/amd64 for linux/amd64/v3'],
    });
  });

  it('names the platforms that it lacks', () => {
    expect(select(usual, 'linux/s390x,linux/amd64')).toMatchObject({
      digests: ['linux/amd64', 'attests linux/amd64'].map(digestFor),
      missing: ['linux/s390x'],
      offered: ['linux/amd64', 'linux/arm64', 'linux/arm/v6'],
    });
  });

  it('has every version of Windows, and what has no platform', () => {
    const versions = ['a', 'b'].map((name) => entry('windows/amd64', { digest: digestFor(name) }));
    const bare = entry(undefined);
    expect(select([...versions, bare, ...usual], 'windows/amd64').digests).toEqual(
      ['a', 'b', 'none'].map(digestFor),
    );
  });

  it('cannot be made from what is no index', () => {
    expect(() => selectFromIndex(Buffer.from('[]'), 'all')).toThrow(ManifestSyntaxError);
  });
});
