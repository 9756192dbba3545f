import { companionStem } from './companion-tag.ts';
import type { Digest } from './digest.ts';
import {
  descriptors,
  isObject,
  ManifestSyntaxError,
  readDocument,
  readManifest,
  text,
  type Manifest,
  type ReferrerDescriptor,
} from './manifest.ts';
import { parseTag, type Tag } from './reference.ts';

/** What is kept of a referrer's annotations, in characters: lists of thousands are kept in memory. */
const maxAnnotations = 16 * 1024;

/**
 * The tag that stands for the referrers of `subject` where a registry cannot list them.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
 */
export function referrersTag(subject: Digest): Tag {
  const tag = parseTag(companionStem(subject));
  if (tag === undefined) throw new TypeError('a digest always makes a tag');
  return tag;
}

/**
 * The referrers in an image index: a registry's answer, or what the {@link referrersTag} points to.
 * @throws {ManifestSyntaxError} when the bytes are no image index
 */
export function readReferrers(bytes: Uint8Array): readonly ReferrerDescriptor[] {
  const json = readDocument(bytes);
  if (!('manifests' in json)) throw new ManifestSyntaxError('not an image index');
  return descriptors(json, 'manifests').map(
    ({ mediaType, digest, size, json: { artifactType, annotations } }) => ({
      mediaType,
      digest,
      size,
      ...described(text(artifactType), annotations),
    }),
  );
}

/** A manifest as a list of referrers names it. An index has an artifact type only if it states one. */
export function referrerDescriptor({ mediaType, digest, size, bytes }: Manifest): ReferrerDescriptor {
  const { annotations } = readDocument(bytes);
  return { mediaType, digest, size, ...described(readManifest(bytes).artifactType, annotations) };
}

function described(
  artifactType: string | undefined,
  annotations: unknown,
): Pick<ReferrerDescriptor, 'artifactType' | 'annotations'> {
  let room = maxAnnotations;
  const texts = Object.entries(isObject(annotations) ? annotations : {}).filter(
    (entry): entry is [string, string] => {
      const [name, value] = entry;
      if (typeof value !== 'string' || name.length + value.length > room) return false;
      room -= name.length + value.length;
      return true;
    },
  );
  return {
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(texts.length === 0 ? {} : { annotations: Object.fromEntries(texts) }),
  };
}
