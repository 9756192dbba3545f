import { z } from '../../base/zod.ts';
import { parseBlobPath } from '../blob-path.ts';
import { digestOf, digestHex, isDigestOf, parseDigest, type Digest } from '../../oci/digest.ts';
import type { Descriptor, Manifest } from '../../oci/manifest.ts';
import { mediaTypes } from '../../oci/media-type.ts';
import { digestSchema } from '../../oci/schemas.ts';
import { madeFrom } from '../made-manifest.ts';
import { maxDocumentBytes, type Archive, type ArchiveFile } from './archive.ts';
import { ArchiveError } from './archive-error.ts';
import type { ArchiveImage, WrittenName } from './archive-image.ts';
import { compressionOf, signatureLength } from './compression.ts';
import { damaged } from './damaged.ts';
import { checked, parseJson } from './document.ts';
import { writtenName } from './written-name.ts';

const dockerImage = z.object({
  Config: z.string(),
  RepoTags: z.array(z.string()).nullish(),
  Layers: z.array(z.string()).nullish(),
  LayerSources: z.record(z.string(), z.object({ mediaType: z.string().optional() })).nullish(),
});
/** An item of `manifest.json`. */
export type DockerImage = z.infer<typeof dockerImage>;

const dockerImages = z.array(dockerImage);

const imageConfig = z.object({ rootfs: z.object({ diff_ids: z.array(digestSchema).nullish() }) });

const layerType = 'application/vnd.oci.image.layer.v1.tar';

/** @throws {ArchiveError} */
export function parseDockerImages(archive: Archive, json: unknown): readonly DockerImage[] {
  const images = checked(archive, 'manifest.json', dockerImages, json);
  if (images.length === 0) throw new ArchiveError(archive.file, 'manifest.json', 'lists no image');
  return images;
}

/**
 * The names that `manifest.json` gives an image.
 * @param isUntagged whether a tag there stands for none
 */
export function dockerNames({ RepoTags }: DockerImage, isUntagged = false): readonly WrittenName[] {
  return (RepoTags ?? []).flatMap((name) => writtenName(name, !isUntagged) ?? []);
}

/** The digests of an image's layers, unpacked, from the lowest. */
export async function diffIds(archive: Archive, entry: string): Promise<readonly Digest[] | undefined> {
  const bytes = await archive.read(entry, maxDocumentBytes);
  if (bytes === undefined) return undefined;
  const { rootfs } = checked(archive, entry, imageConfig, parseJson(archive, entry, bytes));
  return rootfs.diff_ids ?? [];
}

/**
 * An image of which the archive has no manifest that a registry knows: one is made, with the config and the layers as
 * they are. The same archive makes the same manifest.
 * @throws {ArchiveError}
 */
export async function dockerImageOf(archive: Archive, image: DockerImage): Promise<ArchiveImage> {
  const config = await readConfig(archive, image.Config);
  const expected = (await diffIds(archive, image.Config)) ?? [];
  const paths = image.Layers ?? [];
  if (paths.length !== expected.length) {
    throw new ArchiveError(
      archive.file,
      'manifest.json',
      `lists ${paths.length} layers for ${image.Config}, which has ${expected.length}`,
    );
  }
  const files = new Map<Digest, string>([[config.digest, image.Config]]);
  const layers: Descriptor[] = [];
  for (const [index, path] of paths.entries()) {
    const file = await archive.find(path);
    if (file === undefined) throw new ArchiveError(archive.file, path, 'is missing: manifest.json lists it');
    const layer = await describeLayer(archive, file, { diffId: expected[index], image });
    files.set(layer.digest, file.name);
    layers.push(layer);
  }
  const root = makeManifest(config, layers);
  return {
    names: dockerNames(image),
    root,
    manifests: new Map([[root.digest, root]]),
    fileOf: (digest) => files.get(digest) ?? digestHex(digest),
    made: true,
    omitted: new Set(),
    pinned: false,
  };
}

async function readConfig(archive: Archive, entry: string): Promise<Descriptor> {
  const bytes = await archive.read(entry, maxDocumentBytes);
  if (bytes === undefined) throw new ArchiveError(archive.file, entry, 'is missing: manifest.json names it');
  const [hex] = /[a-f0-9]{64}(?=(?:\.json)?$)/u.exec(entry) ?? [];
  const named = hex === undefined ? undefined : parseDigest(`sha256:${hex}`);
  if (named !== undefined && !isDigestOf(named, bytes)) throw damaged(archive.file, entry);
  return {
    mediaType: 'application/vnd.oci.image.config.v1+json',
    digest: digestOf(bytes),
    size: bytes.length,
  };
}

async function describeLayer(
  archive: Archive,
  { name, size }: ArchiveFile,
  { diffId, image }: { readonly diffId: Digest | undefined; readonly image: DockerImage },
): Promise<Descriptor> {
  const ending = await layerEnding(archive, name, diffId, image);
  if (ending !== '') {
    const [, hex = ''] = /([a-f0-9]{64})(?:\.tar\.(?:gz|zst))?$/u.exec(name) ?? [];
    const digest = parseDigest(`sha256:${hex}`) ?? (await archive.digest(name));
    return { mediaType: `${layerType}${ending}`, digest, size };
  }
  if (diffId === undefined) throw new ArchiveError(archive.file, name, 'has no digest in its config');
  // A plain layer is what its config says, or it is found out when it is stored.
  return { mediaType: layerType, digest: diffId, size };
}

/** How a layer is packed, by its first bytes: names and media types lie. */
async function layerEnding(
  archive: Archive,
  name: string,
  diffId: Digest | undefined,
  { LayerSources }: DockerImage,
): Promise<'' | '+gzip' | '+zstd'> {
  const known = parseBlobPath(name);
  if (known !== undefined && known === diffId) return '';
  const start = await firstBytes(archive, name);
  if (start === undefined) {
    // It came by already.
    const type = (diffId && LayerSources?.[diffId]?.mediaType) ?? '';
    return type.endsWith('zstd') ? '+zstd' : '+gzip';
  }
  switch (compressionOf(start)) {
    case 'gzip':
      return '+gzip';
    case 'zstd':
      return '+zstd';
    case 'xz':
    case 'bzip2':
    case 'zip':
      throw new ArchiveError(archive.file, name, 'is compressed in a way that no client unpacks');
    case 'none':
      return '';
  }
}

async function firstBytes(archive: Archive, name: string): Promise<Buffer | undefined> {
  if (!(await archive.canOpen(name))) return undefined;
  let start = Buffer.alloc(0);
  for await (const chunk of archive.open(name, 0)) {
    start = Buffer.concat([start, chunk.subarray(0, signatureLength)]);
    if (start.length >= signatureLength) break;
  }
  return start;
}

function makeManifest(config: Descriptor, layers: readonly Descriptor[]): Manifest {
  const mediaType = mediaTypes.ociManifest;
  const json = { schemaVersion: 2, mediaType, config, layers, annotations: { [madeFrom]: 'docker-archive' } };
  const bytes = Buffer.from(JSON.stringify(json));
  return { mediaType, digest: digestOf(bytes), size: bytes.length, bytes };
}
