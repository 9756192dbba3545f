import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { imageReferenceText, parseImageReference } from '../../../../src/oci/image-reference.ts';
import { FindFixture, imagesOf } from '../../../support/find-fixture.ts';

interface Case {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly images: readonly string[];
}

const cases = parseAllDocuments(readFileSync(new URL('printed.yaml', import.meta.url), 'utf8')).map(
  (document) => document.toJS() as Case,
);

describe('a kustomization has the images that kustomize prints, with', () => {
  it.each(cases)('$name', async ({ files, images }) => {
    await using fixture = await FindFixture.of(files);
    const found = await fixture.find('kustomization.yaml');
    const references = images.map(parseImageReference).filter((reference) => reference !== undefined);
    expect(imagesOf(found)).toEqual([...new Set(references.map(imageReferenceText))].sort());
    expect(found.problems).toHaveLength(images.length - references.length);
  });
});
