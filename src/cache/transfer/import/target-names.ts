import type { ArchiveImage } from '../../../archive/read/archive-image.ts';
import { ArchiveError } from '../../../archive/read/archive-error.ts';
import type { Digest } from '../../../oci/digest.ts';
import { imageReferenceProblem, parseImageReference } from '../../../oci/image-reference.ts';
import { repositoryKey, tagKey, type Repository, type Tag } from '../../../oci/reference.ts';
import { CareError } from '../../care/care-error.ts';

/** What an image is to be called in the cache. */
export interface Target {
  readonly repository: Repository;
  /** Undefined: it is known by its digest only. */
  readonly tag: Tag | undefined;
}

/** The name that a user gives to what an archive holds. */
export interface GivenName {
  readonly repository: Repository;
  /** Only what was written: none stands for `latest`. */
  readonly tag: Tag | undefined;
  readonly digest: Digest | undefined;
}

const latest = 'latest' as Tag;

/** @throws {CareError} `invalid` for what names no image */
export function parseGivenName(text: string): GivenName {
  const read = parseImageReference(text);
  if (read === undefined) throw new CareError('invalid', `${text} ${imageReferenceProblem(text) ?? ''}`);
  const { registry, repository, tag, digest } = read;
  const beforeDigest = text.split('@')[0] ?? '';
  const isTagWritten = tag !== undefined && beforeDigest.endsWith(`:${tag}`);
  return {
    repository: { upstream: registry, name: repository },
    tag: isTagWritten ? tag : undefined,
    digest,
  };
}

/** What is shown of a target. */
export function targetText({ repository, tag }: Target, digest: Digest): string {
  return tag === undefined ? `${repositoryKey(repository)}@${digest}` : tagKey(repository, tag);
}

/**
 * What the images of an archive are to be called. An image without a name is left out where others have one, and told.
 * @param given in place of the archive's names
 * @throws {ArchiveError} when a name is needed, or does not fit
 */
export function targetsOf(
  file: string,
  images: readonly ArchiveImage[],
  given: GivenName | undefined,
  note: (problem: string) => void,
): ReadonlyMap<ArchiveImage, readonly Target[]> {
  if (given !== undefined) return givenTargets(file, images, given);
  const targets = new Map(images.map((image) => [image, ownTargets(image)]));
  const nameless = images.find((image) => targets.get(image)?.length === 0);
  if (nameless === undefined) return targets;
  if (images.every((image) => targets.get(image)?.length === 0)) {
    const tag = nameless.names[0]?.tag;
    const known = tag === undefined ? '' : ` but for the tag ${tag}`;
    const example = `--as docker.io/library/NAME${tag === undefined ? ':TAG' : ''}`;
    throw new ArchiveError(
      file,
      nameless.root.digest,
      `has no name${known}: say which image it is, with ${example}`,
    );
  }
  for (const image of images.filter((one) => targets.get(one)?.length === 0)) {
    targets.delete(image);
    note(`${image.root.digest} has no name, unlike other images in it, and is left out`);
  }
  return targets;
}

function ownTargets({ names }: ArchiveImage): readonly Target[] {
  const targets = names.flatMap(({ reference, tag }): readonly Target[] =>
    reference === undefined
      ? []
      : [{ repository: { upstream: reference.registry, name: reference.repository }, tag }],
  );
  const tagged = new Set(
    targets.filter(({ tag }) => tag !== undefined).map(({ repository }) => repositoryKey(repository)),
  );
  // A tag stands for its digest, too.
  const own = targets.filter(
    ({ repository, tag }) => tag !== undefined || !tagged.has(repositoryKey(repository)),
  );
  return [
    ...new Map(
      own.map((target) => [`${repositoryKey(target.repository)}:${target.tag ?? ''}`, target]),
    ).values(),
  ];
}

function givenTargets(
  file: string,
  images: readonly ArchiveImage[],
  { repository, tag, digest }: GivenName,
): ReadonlyMap<ArchiveImage, readonly Target[]> {
  const [only, ...more] = images;
  if (more.length === 0 && only !== undefined) {
    if (digest !== undefined && digest !== only.root.digest) {
      throw new ArchiveError(
        file,
        undefined,
        `holds ${only.root.digest}, and not the digest that --as gives`,
      );
    }
    const own = only.names.find((name) => name.tag !== undefined)?.tag;
    return new Map([
      [only, [{ repository, tag: tag ?? (digest === undefined ? (own ?? latest) : undefined) }]],
    ]);
  }
  if (tag !== undefined || digest !== undefined) {
    throw new ArchiveError(
      file,
      undefined,
      `holds ${images.length} images: give --as a name without a tag, and each keeps its own`,
    );
  }
  return new Map(
    images.map((image) => {
      const tags = new Set(image.names.map((name) => name.tag));
      return [image, (tags.size === 0 ? [undefined] : [...tags]).map((one) => ({ repository, tag: one }))];
    }),
  );
}
