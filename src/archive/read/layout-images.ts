import { z } from '../../base/zod.ts';
import type { Digest } from '../../oci/digest.ts';
import { isRunnable, readImageManifest } from '../../oci/image-manifest.ts';
import type { Manifest } from '../../oci/manifest.ts';
import { digestSchema } from '../../oci/schemas.ts';
import { blobPath } from '../blob-path.ts';
import { isMade } from '../made-manifest.ts';
import type { Archive } from './archive.ts';
import { ArchiveError } from './archive-error.ts';
import type { ArchiveImage, ReadNotes, WrittenName } from './archive-image.ts';
import { diffIds, dockerImageOf, dockerNames, type DockerImage } from './docker-images.ts';
import { checked } from './document.ts';
import { ManifestReader } from './manifest-reader.ts';
import { writtenName, writtenRefName } from './written-name.ts';

const entrySchema = z.object({
  mediaType: z.string().optional(),
  digest: digestSchema,
  annotations: z.record(z.string(), z.string()).nullish(),
});
type IndexEntry = z.infer<typeof entrySchema>;

const indexSchema = z.object({ manifests: z.array(entrySchema).nullish() });

/** An entry of `index.json`, with everything below it. */
interface Root extends IndexEntry {
  readonly name: WrittenName | undefined;
  readonly manifest: Manifest;
  readonly manifests: Map<Digest, Manifest>;
}

/** Plain layers: their digests are those that the config has. */
const plainLayer = /\.(?:layer\.v1|rootfs\.diff)\.tar$/u;

/**
 * The images of an OCI image layout; none where `index.json` lists none.
 * @param docker what its `manifest.json` lists, if it has one
 * @throws {ArchiveError}
 */
export async function layoutImages(
  archive: Archive,
  { index, docker, note }: ReadNotes & { readonly index: unknown; readonly docker: readonly DockerImage[] },
): Promise<readonly ArchiveImage[]> {
  const { manifests } = checked(archive, 'index.json', indexSchema, index);
  const reader = new ManifestReader(archive, blobPath);
  const roots: Root[] = [];
  for (const entry of manifests ?? []) {
    const manifest = await reader.manifest(entry);
    if (manifest === undefined) {
      throw new ArchiveError(archive.file, blobPath(entry.digest), 'is missing: index.json lists it');
    }
    roots.push({ ...entry, name: nameOf(entry, docker), manifest, manifests: await reader.tree(manifest) });
  }
  const images = new Map<Digest, Root[]>();
  for (const root of ownImages(roots, reader)) {
    images.set(root.digest, [...(images.get(root.digest) ?? []), root]);
  }
  tellOfTwins(roots, note);
  return Promise.all([...images.values()].map((same) => imageOf(archive, same, docker)));
}

/** Names first: what belongs to a named entry is no image of its own. */
function ownImages(roots: readonly Root[], reader: ManifestReader): readonly Root[] {
  const first = [
    ...roots.filter(({ name }) => name !== undefined),
    ...roots.filter(({ name }) => name === undefined),
  ];
  const own: Root[] = [];
  for (const root of first) {
    const owner = own.find((one) => one !== root && root.name === undefined && belongs(root, one, reader));
    if (owner === undefined) own.push(root);
    else for (const [digest, manifest] of root.manifests) owner.manifests.set(digest, manifest);
  }
  return own;
}

/** Whether an entry is a part of another one's image, or refers to it. */
function belongs({ manifest, annotations }: Root, { manifests }: Root, reader: ManifestReader): boolean {
  const subject = annotations?.['io.containerd.manifest.subject'] ?? reader.contents(manifest).subject;
  return manifests.has(manifest.digest) || [...manifests.keys()].some((digest) => digest === subject);
}

function nameOf({ annotations }: IndexEntry, docker: readonly DockerImage[]): WrittenName | undefined {
  const full = annotations?.['io.containerd.image.name'];
  const refName = annotations?.['org.opencontainers.image.ref.name'];
  // An empty one is written for what was exported by its digest, beside a name with a tag that it does not have.
  if (full !== undefined) return writtenName(full, refName !== '');
  if (refName === '' && docker.length === 1) return docker.flatMap((image) => dockerNames(image, true))[0];
  return refName === undefined ? undefined : writtenRefName(refName);
}

function tellOfTwins(roots: readonly Root[], note: ReadNotes['note']): void {
  const seen = new Map<string, Digest>();
  for (const { annotations, digest } of roots) {
    const name =
      annotations?.['io.containerd.image.name'] ?? annotations?.['org.opencontainers.image.ref.name'];
    if (name === undefined || name === '') continue;
    if ((seen.get(name) ?? digest) !== digest)
      note(name, 'stands for several images in index.json: the last one is taken');
    seen.set(name, digest);
  }
}

async function imageOf(
  archive: Archive,
  same: readonly Root[],
  docker: readonly DockerImage[],
): Promise<ArchiveImage> {
  const [{ manifest: root, manifests }] = same as readonly [Root];
  const names = same.flatMap(({ name }) => name ?? []);
  const disordered = await layersInDisorder(archive, manifests);
  if (disordered !== undefined) {
    const other = docker.find(({ Config }) => Config === blobPath(disordered));
    if (other === undefined) {
      throw new ArchiveError(
        archive.file,
        blobPath(root.digest),
        'has other layers than its config, or in another order',
      );
    }
    const image = await dockerImageOf(archive, other);
    return { ...image, names: names.length === 0 ? image.names : names };
  }
  return {
    names,
    root,
    manifests,
    fileOf: blobPath,
    made: isMade(root.bytes),
    omitted: new Set(),
    pinned: false,
  };
}

/** The config of an image whose plain layers are not those that it lists, in that order: Docker 25.0.0 wrote such. */
async function layersInDisorder(
  archive: Archive,
  manifests: ReadonlyMap<Digest, Manifest>,
): Promise<Digest | undefined> {
  for (const { bytes } of manifests.values()) {
    const image = readImageManifest(bytes);
    const { config, layers } = image;
    const isPlain = layers.length > 0 && layers.every(({ mediaType }) => plainLayer.test(mediaType));
    if (config === undefined || !isPlain || !isRunnable(image)) continue;
    const expected = await diffIds(archive, blobPath(config.digest));
    if (expected === undefined) continue;
    const isSame =
      expected.length === layers.length && layers.every(({ digest }, index) => digest === expected[index]);
    if (!isSame) return config.digest;
  }
  return undefined;
}
