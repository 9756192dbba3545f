import fc from 'fast-check';
import { expect, test } from 'vitest';
import { digestOf } from '../../src/oci/digest.ts';
import { readImageIndex } from '../../src/oci/image-index.ts';
import { ManifestSyntaxError, readManifest } from '../../src/oci/manifest.ts';
import { mediaTypes } from '../../src/oci/media-type.ts';
import { repeats } from '../support/depth.ts';

const digest = fc.oneof(
  fc.nat(5).map((number) => digestOf(Buffer.from([number]))),
  fc.string(),
  fc.jsonValue(),
);
const annotations = fc.record(
  {
    'vnd.docker.reference.type': fc.constantFrom('attestation-manifest', 'x', 1),
    'vnd.docker.reference.digest': digest,
  },
  { requiredKeys: [] },
);
const entry = fc.record(
  {
    mediaType: fc.oneof(fc.constantFrom(...Object.values(mediaTypes)), fc.jsonValue()),
    digest,
    size: fc.oneof(fc.nat(), fc.jsonValue()),
    annotations: fc.oneof(annotations, fc.jsonValue()),
    platform: fc.oneof(fc.record({ os: fc.constantFrom('linux', 'unknown') }), fc.jsonValue()),
  },
  { requiredKeys: ['digest', 'size'] },
);
const documents = fc.record({
  manifests: fc.oneof(fc.array(fc.oneof(entry, fc.jsonValue())), fc.jsonValue()),
});

/** What a reader makes of bytes; undefined where they are nothing that it reads. */
function read<T>(reader: (bytes: Buffer) => T, bytes: Buffer): T | undefined {
  try {
    return reader(bytes);
  } catch (error) {
    if (error instanceof ManifestSyntaxError) return undefined;
    throw error;
  }
}

test('whatever an index says, its platforms and attestations are among what it lists, where it is an index at all', () => {
  fc.assert(
    fc.property(documents, (document) => {
      const bytes = Buffer.from(JSON.stringify(document));
      const contents = read(readManifest, bytes);
      const index = read(readImageIndex, bytes);

      expect(index === undefined).toBe(contents === undefined);
      const listed = new Set(contents?.children.map((child) => child.digest));
      const found = [...(index?.platforms ?? []), ...(index?.attestations.values() ?? [])].flat();
      expect(found.filter((one) => !listed.has(one))).toEqual([]);
    }),
    { numRuns: repeats(400, 2000) },
  );
});
