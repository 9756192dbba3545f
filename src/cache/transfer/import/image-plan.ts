import type { Archive } from '../../../archive/read/archive.ts';
import { ArchiveError } from '../../../archive/read/archive-error.ts';
import type { ArchiveImage } from '../../../archive/read/archive-image.ts';
import type { Digest } from '../../../oci/digest.ts';
import { selectFromIndex } from '../../../oci/index-selection.ts';
import { readManifest, type Manifest } from '../../../oci/manifest.ts';
import { platformText, type Platforms } from '../../../oci/platform.ts';
import type { StoredBlob } from '../../../store/content-store.ts';
import type { LackingBlob } from '../content-sink.ts';

/** What of an image is taken. */
export interface ImagePlan {
  readonly manifests: readonly Manifest[];
  /** What its manifests name and the cache has to be given. */
  readonly given: readonly LackingBlob[];
  /** All its blobs. */
  readonly blobs: readonly StoredBlob[];
  /** As its index states them; none for an image of one platform. */
  readonly platforms: readonly string[];
}

export interface ImagePlanDeps {
  readonly archive: Archive;
  readonly image: ArchiveImage;
  /** For people. */
  readonly name: string;
  readonly platforms: Platforms;
  readonly lacking: (blobs: readonly StoredBlob[]) => Promise<readonly LackingBlob[]>;
  readonly note: (problem: string) => void;
}

/**
 * What of an image can be taken: the root, and of what it lists everything that is whole in the archive and the cache
 * together.
 * @throws {ArchiveError} when that is nothing, or lacks a platform that was asked for
 */
export async function planImage(deps: ImagePlanDeps): Promise<ImagePlan> {
  const { archive, image, name, lacking, note } = deps;
  const { root } = image;
  const wanted = wantedManifests(deps);
  const blobs = distinct(wanted.flatMap(({ bytes }) => readManifest(bytes).blobs));
  const toGive = new Map((await lacking(blobs)).map((blob) => [blob.digest, blob]));
  const absent = new Set<Digest>();
  for (const blob of toGive.values()) {
    if (!(await isInside(archive, image, blob)) && !blob.held) absent.add(blob.digest);
  }
  const isWhole = ({ bytes }: Manifest): boolean =>
    readManifest(bytes).blobs.every(({ digest }) => !absent.has(digest));
  const whole = wanted.filter(isWhole);
  const listed = readManifest(root.bytes).children;
  const lost = wanted.filter((manifest) => !whole.includes(manifest));
  const isNothing =
    listed.length > 0 && !whole.some(({ digest }) => listed.some((child) => child.digest === digest));
  // What an earlier bundle has is no platform to be left out.
  const isEarly = [...absent].some((digest) => image.omitted.has(digest));
  if (lost.includes(root) || isNothing || isEarly) throw nothingOf(deps, absent, lost);
  const stated = platformsOf(root);
  for (const { digest } of lost) {
    note(`${name}: ${stated.get(digest) ?? digest} is left out: the archive does not have all of it`);
  }
  const kept = distinct(whole.flatMap(({ bytes }) => readManifest(bytes).blobs));
  return {
    manifests: whole,
    given: kept.flatMap(({ digest }) => toGive.get(digest) ?? []),
    blobs: kept,
    platforms: whole.flatMap(({ digest }) => stated.get(digest) ?? []),
  };
}

/** The root, and of the manifests that are there those for the wanted platforms. */
function wantedManifests({ archive, image, name, platforms }: ImagePlanDeps): readonly Manifest[] {
  const { root, manifests } = image;
  const all = [...manifests.values()];
  if (platforms === 'all' || readManifest(root.bytes).children.length === 0) return all;
  const { entries, missing, offered } = selectFromIndex(root.bytes, platforms);
  const [lacks] = missing;
  if (lacks !== undefined) {
    const has = offered.map(platformText).join(', ');
    throw new ArchiveError(archive.file, name, `is not for ${platformText(lacks)}: it has ${has}`);
  }
  const selected = new Set(entries.map(({ digest }) => digest));
  const listed = new Set(readManifest(root.bytes).children.map(({ digest }) => digest));
  return all.filter(({ digest }) => !listed.has(digest) || selected.has(digest));
}

async function isInside(
  archive: Archive,
  { fileOf }: ArchiveImage,
  { digest, size }: StoredBlob,
): Promise<boolean> {
  const found = await archive.find(fileOf(digest));
  if (found === undefined) return false;
  if (found.size === size) return true;
  throw new ArchiveError(
    archive.file,
    fileOf(digest),
    `has ${found.size} bytes, where its manifest says ${size}`,
  );
}

function nothingOf(
  { archive, image, name }: ImagePlanDeps,
  absent: ReadonlySet<Digest>,
  lost: readonly Manifest[],
): ArchiveError {
  const rank = (digest: Digest): number => (image.omitted.has(digest) ? 0 : 1);
  const [first, ...more] = [...absent].toSorted((one, other) => rank(one) - rank(other));
  if (first === undefined || lost.length === 0) {
    return new ArchiveError(archive.file, name, 'is only an index: nothing that it lists is in the archive');
  }
  const others = more.length === 0 ? '' : ` and ${more.length} more`;
  const advice = image.omitted.has(first)
    ? ', which an earlier bundle has: import that one first'
    : ', and the cache does not have it either';
  return new ArchiveError(archive.file, name, `lacks the blob ${first}${others}${advice}`);
}

/** The platforms that an index states. */
function platformsOf({ bytes }: Manifest): ReadonlyMap<Digest, string> {
  if (readManifest(bytes).children.length === 0) return new Map();
  const { entries } = selectFromIndex(bytes, 'all');
  return new Map(
    entries.flatMap(({ digest, platform }) =>
      platform === undefined || platform.os === 'unknown' ? [] : [[digest, platformText(platform)]],
    ),
  );
}

function distinct(blobs: readonly StoredBlob[]): readonly StoredBlob[] {
  return [...new Map(blobs.map(({ digest, size }) => [digest, { digest, size }])).values()];
}
