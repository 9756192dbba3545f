import { parseDigest, type Digest } from './digest.ts';
import { dockerHub, registryName } from './docker-hub.ts';
import {
  parseRepositoryName,
  parseTag,
  parseUpstreamName,
  type RepositoryName,
  type Tag,
  type UpstreamName,
} from './reference.ts';

/** An image as Docker would ask a registry for it: nothing is left to a default. */
export interface ImageReference {
  readonly registry: UpstreamName;
  readonly repository: RepositoryName;
  /** Undefined only beside a digest. */
  readonly tag: Tag | undefined;
  /** With a tag beside it, this decides what is pulled, and the tag is what it is kept under. */
  readonly digest: Digest | undefined;
}

const defaultTag = 'latest' as Tag;

/**
 * The image that `text` names, as Docker reads it: `node` is `docker.io/library/node:latest`. Undefined where
 * it names none; {@link imageReferenceProblem} says why.
 * @see https://github.com/distribution/reference/blob/main/normalize.go
 */
export function parseImageReference(text: string): ImageReference | undefined {
  const read = readReference(text);
  return typeof read === 'string' ? undefined : read;
}

/** Why `text` names no image, as the end of a sentence that began with it; undefined where it names one. */
export function imageReferenceProblem(text: string): string | undefined {
  const read = readReference(text);
  return typeof read === 'string' ? read : undefined;
}

/**
 * `docker.io/library/node:18`, `ghcr.io/a/b@sha256:…`, or both: one text per image, which is read back as the
 * same.
 */
export function imageReferenceText({ registry, repository, tag, digest }: ImageReference): string {
  const name = `${registry}/${repository}`;
  return `${name}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

/** The reference, or what is wrong with it. */
function readReference(text: string): ImageReference | string {
  if (/^[a-z]+:\/\//u.test(text))
    return 'begins like a URL: a reference starts with the registry, or the name';
  if (/^[a-f0-9]{64}$/u.test(text)) return 'is the ID of an image, which no registry knows';
  const [beforeDigest, digestText] = splitAt(text, text.indexOf('@'));
  const colon = beforeDigest.lastIndexOf(':');
  const [name, tagText] = splitAt(beforeDigest, colon > beforeDigest.lastIndexOf('/') ? colon : -1);
  const digest = digestText === undefined ? undefined : parseDigest(digestText);
  if (digestText !== undefined && digest === undefined)
    return 'has a malformed digest: sha256: is followed by 64 digits of 0-9 and a-f';
  const written = tagText === undefined ? undefined : parseTag(tagText);
  if (tagText !== undefined && written === undefined)
    return 'has a malformed tag: letters, digits, ".", "_" and "-", at most 128';
  const repository = readName(name);
  if (typeof repository === 'string') return repository;
  return { ...repository, tag: written ?? (digest === undefined ? defaultTag : undefined), digest };
}

/** The text before a separator, and what comes after it if it is there. */
function splitAt(text: string, index: number): readonly [string, string | undefined] {
  return index < 0 ? [text, undefined] : [text.slice(0, index), text.slice(index + 1)];
}

function readName(name: string): Pick<ImageReference, 'registry' | 'repository'> | string {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  const isHost = /[.:A-Z]/u.test(first) || first === 'localhost';
  const registry = isHost ? parseUpstreamName(registryName(first)) : dockerHub;
  if (registry === undefined || /\.[.-]|-\./u.test(registry)) return `has a malformed registry: ${first}`;
  const path = isHost ? name.slice(slash + 1) : name;
  const isShort = registry === dockerHub && !path.includes('/');
  const repository = parseRepositoryName(isShort ? `library/${path}` : path);
  if (repository !== undefined) return { registry, repository };
  if (parseRepositoryName(path.toLowerCase()) === undefined) return 'is no image reference';
  return 'has capital letters in its name: names of repositories are lower case';
}
