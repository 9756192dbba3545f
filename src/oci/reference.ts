import { parseDigest, type Digest } from './digest.ts';

declare const nameBrand: unique symbol;
declare const tagBrand: unique symbol;
declare const upstreamBrand: unique symbol;

/** A repository's name within its registry, such as `library/busybox`; checked. */
export type RepositoryName = string & { readonly [nameBrand]: true };

/** A tag; checked. */
export type Tag = string & { readonly [tagBrand]: true };

/** The registry that content comes from, by the host name its users write: `ghcr.io`, `host:5000`. */
export type UpstreamName = string & { readonly [upstreamBrand]: true };

/** Where content belongs: the right to read it is held per repository. */
export interface Repository {
  readonly upstream: UpstreamName;
  readonly name: RepositoryName;
}

/** What a manifest is asked for by. */
export type ManifestReference = { readonly tag: Tag } | { readonly digest: Digest };

const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const namePattern = new RegExp(`^${component}(?:/${component})*$`);
const tagPattern = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
const upstreamPattern =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]{0,251}[a-zA-Z0-9])?|\[[a-fA-F0-9:]+\])(?::[0-9]{1,5})?$/;

/** Characters of a name, its registry included; registries refuse longer ones. */
const maxNameLength = 255;

/**
 * The repository name that `text` spells, or undefined.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
 */
export function parseRepositoryName(text: string): RepositoryName | undefined {
  return text.length <= maxNameLength && namePattern.test(text) ? (text as RepositoryName) : undefined;
}

/** A repository's name as people and paths have it. */
export interface WrittenName {
  /** Its first component may be the registry: what that means depends on what is mirrored. */
  readonly name: RepositoryName;
  /** The registry before it, where that has a port and so can be no part of a name. */
  readonly registry: UpstreamName | undefined;
}

/** The repository name that `text` spells, with a registry before it or without; or undefined. */
export function parseWrittenName(text: string): WrittenName | undefined {
  const [, host = '', rest = ''] = /^([^/]*:\d+)\/(.+)$/s.exec(text) ?? [];
  const registry = text.length <= maxNameLength ? parseUpstreamName(host) : undefined;
  const name = parseRepositoryName(registry === undefined ? text : rest);
  return name === undefined ? undefined : { name, registry };
}

/** The tag that `text` spells, or undefined. */
export function parseTag(text: string): Tag | undefined {
  return tagPattern.test(text) ? (text as Tag) : undefined;
}

/** The upstream name that `text` spells, or undefined; lower-cased, since host names have no case. */
export function parseUpstreamName(text: string): UpstreamName | undefined {
  return upstreamPattern.test(text) ? (text.toLowerCase() as UpstreamName) : undefined;
}

/** The manifest reference (tag or digest) that `text` spells, or undefined. A colon makes it a digest. */
export function parseManifestReference(text: string): ManifestReference | undefined {
  if (text.includes(':')) {
    const digest = parseDigest(text);
    return digest === undefined ? undefined : { digest };
  }
  const tag = parseTag(text);
  return tag === undefined ? undefined : { tag };
}

/** `docker.io/library/busybox`: one text per repository, for logs and for keys of maps. */
export function repositoryKey(repository: Repository): string {
  return `${repository.upstream}/${repository.name}`;
}

/** `docker.io/library/busybox:latest`: one text per tag. */
export function tagKey(repository: Repository, tag: Tag): string {
  return `${repository.upstream}/${repository.name}:${tag}`;
}

/** `docker.io/library/busybox@sha256:…`: one text per manifest or blob of a repository. */
export function digestKey(repository: Repository, digest: Digest): string {
  return `${repository.upstream}/${repository.name}@${digest}`;
}

/** `latest` or `sha256:…`, as it stands in a path. */
export function referenceText(reference: ManifestReference): string {
  return 'tag' in reference ? reference.tag : reference.digest;
}
