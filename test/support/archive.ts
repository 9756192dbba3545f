import { gzipSync } from 'node:zlib';
import { Header } from 'tar/header';
import { blobPath } from '../../src/archive/blob-path.ts';
import { tarEnd, tarHeader, tarPadding } from '../../src/archive/tar.ts';
import { digestHex, digestOf } from '../../src/oci/digest.ts';
import { content, type Content, type Image, type ImageIndex } from './image.ts';

/** An entry of a tar. */
export type Entry =
  | { readonly name: string; readonly bytes: Buffer }
  | { readonly name: string; readonly link: string; readonly hard?: boolean }
  | { readonly name: string; readonly type: 'Directory' | 'CharacterDevice' | 'FIFO' | 'SparseFile' };

/** A tar of these entries. */
export function tarOf(entries: readonly Entry[], end = tarEnd): Buffer {
  return Buffer.concat([...entries.flatMap(blocksOf), end]);
}

function blocksOf(entry: Entry): readonly Buffer[] {
  if ('bytes' in entry) {
    const { name, bytes } = entry;
    return [tarHeader(name, bytes.length), bytes, Buffer.alloc(tarPadding(bytes.length))];
  }
  const linked = 'link' in entry;
  const type = linked ? (entry.hard === true ? 'Link' : 'SymbolicLink') : entry.type;
  const header = new Header({ path: entry.name, type, size: 0, linkpath: linked ? entry.link : '' });
  const block = Buffer.alloc(512);
  header.encode(block);
  return [block];
}

export function json(name: string, value: unknown): Entry {
  return { name, bytes: Buffer.from(JSON.stringify(value)) };
}

/** A blob of an image layout. */
export function blob({ digest, bytes }: Pick<Content, 'digest' | 'bytes'>): Entry {
  return { name: blobPath(digest), bytes };
}

/** All blobs of images and indexes, manifests included. */
export function blobsOf(...contents: readonly (Image | ImageIndex)[]): readonly Entry[] {
  const all = contents.flatMap((one): readonly Content[] =>
    'images' in one
      ? [one, ...one.images.flatMap((image) => [image, image.config, ...image.layers])]
      : [one, one.config, ...one.layers],
  );
  return [...new Map(all.map((one) => [one.digest, blob(one)])).values()];
}

/** An entry of `index.json`. */
export function named({ mediaType, digest, size }: Content, ...names: readonly string[]): object {
  const [full, refName] = names;
  return {
    mediaType,
    digest,
    size,
    annotations: {
      ...(full === undefined || full === '' ? {} : { 'io.containerd.image.name': full }),
      ...(refName === undefined ? {} : { 'org.opencontainers.image.ref.name': refName }),
    },
  };
}

/** An OCI image layout, with its index where most tools write it: behind the blobs. */
export function layout(
  entries: readonly object[] | null,
  ...contents: readonly (Image | ImageIndex)[]
): Entry[] {
  return [
    ...blobsOf(...contents),
    json('index.json', { schemaVersion: 2, manifests: entries }),
    json('oci-layout', { imageLayoutVersion: '1.0.0' }),
  ];
}

/** An image whose layers are not packed, as Docker's archives have them. */
export interface PlainImage {
  readonly config: Content;
  readonly layers: readonly Content[];
}

export function plainImage(seed: string, sizes: readonly number[] = [3000, 5000]): PlainImage {
  const layers = sizes.map((size, index) =>
    content(tarOf([{ name: `${seed}-${index}`, bytes: Buffer.alloc(size, seed) }]), 'tar'),
  );
  const config = {
    architecture: 'amd64',
    os: 'linux',
    config: { Labels: { seed } },
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
  };
  return { config: content(Buffer.from(JSON.stringify(config)), 'config'), layers };
}

/** As `docker save` of 20.10 writes it: layers in folders, a repeated one as a link that may stand before it. */
export function dockerSave(
  images: readonly (PlainImage & { readonly tags: readonly string[] | null })[],
): Entry[] {
  const layers = images.flatMap((image) => image.layers);
  const folder = (index: number): string => digestHex(digestOf(Buffer.from(`folder ${index}`)));
  const last = new Map(layers.map(({ digest }, index) => [digest, index]));
  const path = (index: number): string => `${folder(index)}/layer.tar`;
  let index = 0;
  const manifest = images.map(({ config, layers: own, tags }) => ({
    Config: `${digestHex(config.digest)}.json`,
    RepoTags: tags,
    Layers: own.map(() => path(index++)),
  }));
  return [
    ...layers.flatMap(({ digest, bytes }, at): readonly Entry[] => [
      { name: `${folder(at)}/`, type: 'Directory' },
      { name: `${folder(at)}/VERSION`, bytes: Buffer.from('1.0') },
      last.get(digest) === at
        ? { name: path(at), bytes }
        : { name: path(at), link: `../${path(last.get(digest) ?? at)}` },
    ]),
    ...new Map(
      images.map(({ config }) => [
        config.digest,
        { name: `${digestHex(config.digest)}.json`, bytes: config.bytes },
      ]),
    ).values(),
    json('manifest.json', manifest),
    json('repositories', {}),
  ];
}

/** As crane and kaniko write it: the config in a file named after its digest, packed layers by their hex. */
export function cranePull({ config, layers }: PlainImage, tag: string): Entry[] {
  const packed = layers.map(({ bytes }) => gzipSync(bytes));
  const files = packed.map((bytes) => ({ name: `${digestHex(digestOf(bytes))}.tar.gz`, bytes }));
  return [
    { name: config.digest, bytes: config.bytes },
    ...files,
    json('manifest.json', [
      { Config: config.digest, RepoTags: [tag], Layers: files.map(({ name }) => name) },
    ]),
  ];
}
