import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDigest, type Digest } from '../../oci/digest.ts';
import { blobPath } from '../blob-path.ts';
import { isMade } from '../made-manifest.ts';
import type { Archive } from './archive.ts';
import { ArchiveError } from './archive-error.ts';
import type { ArchiveImage, ReadNotes, WrittenName } from './archive-image.ts';
import { BoltError, readBolt, type BoltBucket } from './bolt-file.ts';
import { FolderArchive } from './folder-archive.ts';
import { ManifestReader } from './manifest-reader.ts';
import { writtenName } from './written-name.ts';

const database = 'io.containerd.metadata.v1.bolt/meta.db';
const contentFolder = 'io.containerd.content.v1.content';

/** The content of a node's containerd. @throws {ArchiveError} */
export async function openContainerd(folder: string): Promise<FolderArchive> {
  return FolderArchive.open(join(folder, contentFolder));
}

/**
 * The images of a node's containerd, of all namespaces. It may be running: what it changes meanwhile may be missed.
 * @throws {ArchiveError} when its database cannot be read
 */
export async function containerdImages(
  folder: string,
  archive: Archive,
  { note }: ReadNotes,
): Promise<readonly ArchiveImage[]> {
  const named = namesOf(folder, await databaseOf(folder));
  const reader = new ManifestReader(archive, blobPath);
  const images: ArchiveImage[] = [];
  for (const [digest, names] of named) {
    const root = await reader.manifest({ digest });
    if (root === undefined) {
      note(blobPath(digest), `is not in the content store, though ${names.size} names stand for it`);
      continue;
    }
    const written = [...names].flatMap((name) => readName(name) ?? []);
    const manifests = await reader.tree(root);
    images.push({
      names: written,
      root,
      manifests,
      fileOf: blobPath,
      made: isMade(root.bytes),
      omitted: new Set(),
      pinned: false,
    });
  }
  return images;
}

async function databaseOf(folder: string): Promise<Buffer> {
  try {
    return await readFile(join(folder, database));
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
    const problem =
      code === 'ENOENT'
        ? `is no folder of containerd: there is no ${database} in it`
        : `cannot be read (${code})`;
    throw new ArchiveError(folder, undefined, problem, { cause });
  }
}

/** The names that stand for each digest: `v1/NAMESPACE/images/NAME/target/digest`. */
function namesOf(folder: string, file: Buffer): ReadonlyMap<Digest, ReadonlySet<string>> {
  const found = new Map<Digest, Set<string>>();
  try {
    const version = inside(readBolt(file), 'v1');
    for (const [, namespace] of version?.entries() ?? []) {
      const images = 'bucket' in namespace ? inside(namespace.bucket, 'images') : undefined;
      for (const [name, image] of images?.entries() ?? []) {
        const target = 'bucket' in image ? inside(image.bucket, 'target') : undefined;
        const digest = parseDigest(textIn(target, 'digest'));
        if (digest !== undefined) found.set(digest, (found.get(digest) ?? new Set()).add(name));
      }
    }
  } catch (cause) {
    if (!(cause instanceof BoltError)) throw cause;
    throw new ArchiveError(folder, database, `cannot be read: ${cause.message}`, { cause });
  }
  return found;
}

function inside(bucket: BoltBucket, name: string): BoltBucket | undefined {
  const [, value] = [...bucket.entries()].find(([key]) => key === name) ?? [];
  return value !== undefined && 'bucket' in value ? value.bucket : undefined;
}

function textIn(bucket: BoltBucket | undefined, name: string): string {
  const [, value] = [...(bucket?.entries() ?? [])].find(([key]) => key === name) ?? [];
  return value !== undefined && 'bytes' in value ? value.bytes.toString() : '';
}

/** Kubernetes also calls an image by its ID, and by its name with a digest. */
function readName(name: string): WrittenName | undefined {
  return /^sha(?:256|512):/u.test(name) ? undefined : writtenName(name);
}
