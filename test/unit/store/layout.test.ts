import { expect, it } from 'vitest';
import { digestAlgorithms, digestOf } from '../../../src/oci/digest.ts';
import { Layout } from '../../../src/store/filesystem/layout.ts';

const layout = new Layout('/data');

it.each(digestAlgorithms)('finds a %s digest again in the names it gives', (algorithm) => {
  const digest = digestOf(Buffer.from('layout'), algorithm);
  const hex = digest.slice(7);
  expect(layout.blob(digest)).toBe(`/data/blobs/${algorithm}/${hex.slice(0, 2)}/${hex}`);
  expect(layout.partial(digest)).toBe(`/data/ingest/${algorithm}-${hex}.partial`);
  expect(layout.blobDigest(algorithm, hex.slice(0, 2), hex)).toBe(digest);
  expect(layout.partialDigest(`${algorithm}-${hex}.partial`)).toBe(digest);
  expect(layout.adopted(digest)).toBe(`/data/ingest/${algorithm}-${hex}.adopted`);
  expect(layout.isAdopted(`${algorithm}-${hex}.adopted`)).toBe(true);
  expect(layout.quarantined(digest, 1893456000000)).toBe(
    `/data/quarantine/${algorithm}-${hex}-1893456000000`,
  );
  expect(layout.quarantinedBlob(`${algorithm}-${hex}-1893456000000`)).toEqual({ digest, at: 1893456000000 });
});

it('takes no other file for its own', () => {
  const hex = 'ab'.repeat(32);
  expect(layout.blobDigest('sha256', 'ab', `${hex}.tmp`)).toBeUndefined();
  expect(layout.blobDigest('sha256', 'cd', hex)).toBeUndefined();
  expect(layout.blobDigest('sha512', 'ab', hex)).toBeUndefined();
  expect(layout.partialDigest(`sha256-${hex}`)).toBeUndefined();
  expect(layout.partialDigest(`sha256-${hex.slice(2)}.partial`)).toBeUndefined();
  expect(layout.partialDigest(`sha1-${hex}.partial`)).toBeUndefined();
  expect(layout.partialDigest(`sha256-${hex}.adopted`)).toBeUndefined();
  expect(layout.isAdopted(`sha256-${hex}.partial`)).toBe(false);
  expect(layout.quarantinedBlob(`sha256-${hex}`)).toBeUndefined();
  expect(layout.quarantinedBlob(`sha256-${hex}-`)).toBeUndefined();
  expect(layout.quarantinedBlob(`sha256-${hex}-1e3`)).toBeUndefined();
  expect(layout.quarantinedBlob(`sha256-${hex.slice(2)}-1893456000000`)).toBeUndefined();
});
