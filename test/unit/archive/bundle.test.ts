import { expect, it } from 'vitest';
import { printBundle, readBundle, type Bundle } from '../../../src/archive/bundle.ts';
import { makeIndex, makeImage, descriptor } from '../../support/image.ts';
import { repository } from '../../support/care-fixture.ts';
import type { Tag } from '../../../src/oci/reference.ts';

const image = makeImage();
const index = makeIndex([image]);
const { upstream, name } = repository('library/node');

const bundle: Bundle = {
  version: 1,
  images: [
    {
      name: 'docker.io/library/node:18',
      upstream,
      repository: name,
      tag: '18' as Tag,
      root: descriptor(index),
      subject: null,
      platforms: ['linux/amd64'],
      pinned: false,
      manifests: [descriptor(index), descriptor(image)],
    },
  ],
  blobs: [index, image, image.config, ...image.layers].map(({ digest, size }) => ({ digest, size })),
  omitted: [],
};

it('is read as it was written', () => {
  expect(readBundle(printBundle(bundle))).toEqual(bundle);
});

it('of a newer version is refused as such', () => {
  expect(() => readBundle(Buffer.from('{"version":2,"pictures":[]}'))).toThrow(
    'entrepot.json is of version 2: a newer Entrepot reads it',
  );
});

it.each([
  ['no JSON', '\0', 'entrepot.json is not JSON'],
  ['no bundle', '[]', 'entrepot.json: '],
  ['a climbing repository', { repository: '../etc' }, 'images.0.repository: not a valid repository'],
  ['a digest that is none', { subject: 'sha256:1' }, 'images.0.subject: not a valid digest'],
  ['a tag that is none', { tag: 'a b' }, 'images.0.tag: not a valid tag'],
])('with %s is refused by name', (_, wrong, message) => {
  const [first] = bundle.images;
  const text =
    typeof wrong === 'string' ? wrong : JSON.stringify({ ...bundle, images: [{ ...first, ...wrong }] });
  expect(() => readBundle(Buffer.from(text))).toThrow(message);
});
