import { DigestVerifier, type Digest } from '../../oci/digest.ts';
import { readManifest } from '../../oci/manifest.ts';
import { parseBlobPath } from '../blob-path.ts';
import type { Archive } from './archive.ts';
import type { ArchiveImage } from './archive-image.ts';
import { readImages } from './read-images.ts';

/** What is wrong with an entry of an archive. */
export interface ArchiveFault {
  readonly entry: string;
  readonly fault: 'missing' | 'size' | 'damaged';
  /** An image that needs it; undefined for an entry that none needs. */
  readonly image: string | undefined;
}

export interface VerifiedArchive {
  readonly images: number;
  /** Entries that were hashed. */
  readonly blobs: number;
  readonly bytes: number;
  /** Blobs that an earlier bundle has. */
  readonly omitted: number;
  readonly faults: readonly ArchiveFault[];
}

export interface VerifyArchiveDeps {
  /** Of blobs that came by only once: whether they were right. */
  readonly taken: ReadonlyMap<Digest, { readonly size: number; readonly matches: boolean }>;
  readonly note: (entry: string, problem: string) => void;
  /** Told of bytes that were hashed. */
  readonly onBytes: (bytes: number) => void;
  /** Ends it: it rejects with the signal's reason. */
  readonly signal: AbortSignal;
}

/** An entry that has to have the bytes of a digest. */
interface Expected {
  readonly entry: string;
  readonly digest: Digest;
  /** Undefined where nothing states it. */
  readonly size: number | undefined;
  readonly image: string | undefined;
}

/**
 * Hashes everything in an archive that has a digest, and finds what is missing of its images.
 * @throws {ArchiveError} when it cannot be read
 */
export async function verifyArchive(archive: Archive, deps: VerifyArchiveDeps): Promise<VerifiedArchive> {
  const images = await readImages(archive, deps);
  const omitted = new Set(images.flatMap((image) => [...image.omitted]));
  const expected = new Map<string, Expected>();
  for (const image of images) {
    for (const one of expectedOf(image)) expected.set(one.entry, expected.get(one.entry) ?? one);
  }
  for (const entry of archive.names) {
    const digest = parseBlobPath(entry.replace(/^\.\//, ''));
    if (digest === undefined || expected.has(entry)) continue;
    expected.set(entry, { entry, digest, size: undefined, image: undefined });
  }
  const faults: ArchiveFault[] = [];
  let blobs = 0;
  let bytes = 0;
  for (const one of expected.values()) {
    const found = await archive.find(one.entry);
    const { entry, image } = one;
    if (found === undefined) {
      if (!omitted.has(one.digest)) faults.push({ entry, image, fault: 'missing' });
      continue;
    }
    blobs += 1;
    bytes += found.size;
    if (one.size !== undefined && one.size !== found.size) faults.push({ entry, image, fault: 'size' });
    else if (!(await matches(archive, one, deps))) faults.push({ entry, image, fault: 'damaged' });
  }
  return { images: images.length, blobs, bytes, omitted: omitted.size, faults };
}

/** The blobs that an image needs. Its manifests were verified when they were read. */
function* expectedOf({ names, root, manifests, fileOf }: ArchiveImage): Generator<Expected> {
  const [name] = names;
  const { reference, tag } = name ?? {};
  const image =
    reference === undefined
      ? (tag ?? root.digest)
      : `${reference.registry}/${reference.repository}:${tag ?? ''}`;
  for (const { bytes } of manifests.values()) {
    for (const { digest, size } of readManifest(bytes).blobs)
      yield { entry: fileOf(digest), digest, size, image };
  }
}

async function matches(
  archive: Archive,
  { entry, digest }: Expected,
  { taken, onBytes, signal }: VerifyArchiveDeps,
): Promise<boolean> {
  if (!(await archive.canOpen(entry))) return taken.get(digest)?.matches ?? false;
  const verifier = new DigestVerifier(digest);
  for await (const chunk of archive.open(entry, 0)) {
    signal.throwIfAborted();
    verifier.update(chunk);
    onBytes(chunk.length);
  }
  return verifier.matches();
}
