import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { digestOf } from '../../src/oci/digest.ts';
import type { Descriptor } from '../../src/oci/manifest.ts';
import { mediaTypes } from '../../src/oci/media-type.ts';
import { TempFolder } from './temp-folder.ts';

const execute = promisify(execFile);

/** A descriptor with the bytes that it describes. */
export interface Content extends Descriptor {
  readonly bytes: Buffer;
}

/** An image: its manifest, and the config and layers that the manifest names. */
export interface Image extends Content {
  readonly config: Content;
  readonly layers: readonly Content[];
}

/** An index (or Docker manifest list) with the images that it lists. */
export interface ImageIndex extends Content {
  readonly images: readonly Image[];
}

export interface ImageOptions {
  /** How many layers of a few KiB each, or the size in bytes of each layer. */
  readonly layers?: number | readonly number[];
  /** The image's config; what runs it is left out if not given. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** OCI media types rather than Docker's. */
  readonly oci?: boolean;
  /** Images of different seeds share no layer. */
  readonly seed?: number;
}

/**
 * An image whose layers are noise: right for everything but running it. The same options make the same bytes.
 */
export function makeImage(options: ImageOptions = {}): Image {
  const { layers = 2, oci = false, seed = 1 } = options;
  const sizes =
    typeof layers === 'number' ? Array.from({ length: layers }, (_, index) => 4096 + index) : layers;
  const blobs = sizes.map((size, index) => noise(size, `${seed}/${index}`));
  const config = {
    architecture: architecture(),
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: blobs.map((bytes) => digestOf(bytes)) },
    seed,
    ...options.config,
  };
  return assembleImage(blobs, config, oci);
}

/** An index of images, one platform each. */
export function makeIndex(images: readonly Image[], options: { readonly oci?: boolean } = {}): ImageIndex {
  const mediaType = (options.oci ?? false) ? mediaTypes.ociIndex : mediaTypes.dockerManifestList;
  const platforms = ['amd64', 'arm64', 's390x', 'ppc64le', 'riscv64'];
  const manifests = images.map(({ mediaType, digest, size }, index) => ({
    mediaType,
    digest,
    size,
    platform: { architecture: platforms[index % platforms.length], os: 'linux' },
  }));
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests }, undefined, 3));
  return { ...content(bytes, mediaType), images };
}

/** An image that runs: one layer with a static busybox, which says what it is told to. */
export async function runnableImage(
  busyboxPath = '/bin/busybox',
  options: { readonly oci?: boolean; readonly says?: string } = {},
): Promise<Image> {
  await using folder = await TempFolder.create();
  const tar = folder.join('layer.tar');
  await mkdir(folder.join('root', 'bin'), { recursive: true });
  await copyFile(busyboxPath, folder.join('root', 'bin', 'busybox'));
  const sameEverywhere = [
    '--sort=name',
    '--mtime=@0',
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    '--mode=0755',
  ];
  await execute('tar', [
    '--create',
    '--file',
    tar,
    '--directory',
    folder.join('root'),
    ...sameEverywhere,
    'bin',
  ]);
  const layer = await readFile(tar);
  const config = {
    architecture: architecture(),
    os: 'linux',
    created: '1970-01-01T00:00:00Z',
    config: { Cmd: ['/bin/busybox', 'echo', options.says ?? 'Hello from Docker!'], Env: ['PATH=/bin'] },
    rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
    history: [{ created: '1970-01-01T00:00:00Z', created_by: 'busybox' }],
  };
  return assembleImage([gzipSync(layer)], config, options.oci);
}

/** Bytes that do not compress; the same for the same seed. */
export function noise(size: number, seed: string): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  let block = createHash('sha256').update(seed).digest();
  // One random MiB, then repeated with a mark in each repetition: hashing a GiB would take longer than the
  // test.
  const period = Math.min(size, 1024 * 1024);
  for (let position = 0; position < period; position += block.length) {
    block.copy(bytes, position);
    block = createHash('sha256').update(block).digest();
  }
  for (let position = period; position < size; position += period) {
    bytes.copy(bytes, position, 0, Math.min(period, size - position));
    bytes[position] = (position / period) & 0xff;
  }
  return bytes;
}

/** An image of these layers; a config of JSON. */
export function assembleImage(layers: readonly Buffer[], config: unknown, oci = false): Image {
  const configContent = content(
    Buffer.from(JSON.stringify(config)),
    oci ? 'application/vnd.oci.image.config.v1+json' : 'application/vnd.docker.container.image.v1+json',
  );
  const layerType = oci
    ? 'application/vnd.oci.image.layer.v1.tar+gzip'
    : 'application/vnd.docker.image.rootfs.diff.tar.gzip';
  const contents = layers.map((bytes) => content(bytes, layerType));
  const mediaType = oci ? mediaTypes.ociManifest : mediaTypes.dockerManifest;
  const manifest = {
    schemaVersion: 2,
    mediaType,
    config: descriptor(configContent),
    layers: contents.map(descriptor),
  };
  // Indented by three spaces, as Docker writes them: whoever re-encodes it is found out.
  const bytes = Buffer.from(JSON.stringify(manifest, undefined, 3));
  return { ...content(bytes, mediaType), config: configContent, layers: contents };
}

export function content(bytes: Buffer, mediaType: string): Content {
  return { bytes, mediaType, digest: digestOf(bytes), size: bytes.length };
}

/** Without the bytes. */
export function descriptor({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}

/** This machine's architecture as Go names it. */
function architecture(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch;
}
