import { RegistryError } from '../../oci/error.ts';
import {
  parseRepositoryName,
  parseTag,
  parseUpstreamName,
  parseWrittenName,
  repositoryKey,
  type ManifestReference,
  type Repository,
  type Tag,
  type WrittenName,
} from '../../oci/reference.ts';
import { parseDigest, type Digest } from '../../oci/digest.ts';
import type { ImageKey } from '../../store/inventory.ts';
import type { NamedUpstream, Routing } from '../../oci/routing.ts';
import { imagePattern, type ImagePattern } from '../space/pin-pattern.ts';
import { CareError } from './care-error.ts';

/** A {@link Routing} of upstreams of which only names are known. */
export type RepositoryNames = Routing<NamedUpstream>;

export type ImageFilter = (image: ImageKey) => boolean;

/** What an image's name can mean. */
export interface MeantImage {
  /** The likeliest first; at least one. */
  readonly repositories: readonly Repository[];
  /** `latest` if none was written. */
  readonly reference: ManifestReference;
  /** As written, also before a digest; `latest` if there is neither. */
  readonly tag: Tag | undefined;
}

const latest = { tag: 'latest' as Tag };

/** Parses and formats names of images. */
export class ImageNames {
  readonly #names: RepositoryNames;

  constructor(names: RepositoryNames) {
    this.#names = names;
  }

  /** `node:20`, `ghcr.io/owner/app@sha256:…`; without a tag, the name alone. */
  show(
    repository: Repository,
    reference?: { readonly tag: Tag | undefined; readonly digest: Digest },
  ): string {
    const name = this.#names.canonicalName(repository);
    if (reference === undefined) return name;
    return reference.tag === undefined ? `${name}@${reference.digest}` : `${name}:${reference.tag}`;
  }

  /**
   * Parses a name: `nginx`, `node:20`, `ghcr.io/owner/app:1`, `repository@sha256:…`.
   * @throws {CareError} `invalid` for what is no image, `not-found` for an unknown upstream
   */
  read(text: string): MeantImage {
    const at = text.indexOf('@');
    const tagged = at < 0 ? text : text.slice(0, at);
    const colon = tagged.indexOf(':', tagged.lastIndexOf('/') + 1);
    const written = parseWrittenName(colon < 0 ? tagged : tagged.slice(0, colon));
    const tag = colon < 0 ? latest : tagReference(tagged.slice(colon + 1));
    // As in Docker, a digest overrides a tag.
    const reference = at < 0 ? tag : digestReference(text.slice(at + 1));
    // A digest alone would parse as a repository `sha256` with a tag.
    const isDigest = parseDigest(text) !== undefined;
    if (isDigest || written === undefined || tag === undefined || reference === undefined) {
      throw new CareError('invalid', `${text} is no image; write NAME, NAME:TAG or NAME@DIGEST`);
    }
    const named = colon < 0 && at >= 0 ? undefined : tag;
    return { repositories: this.#repositories(written), reference, tag: named?.tag };
  }

  /**
   * Matches images against a pattern, which may be a plain name.
   * @throws {CareError} `invalid`
   */
  filter(pattern: string): ImageFilter {
    const matches = this.#compile(pattern);
    return ({ repository, tag, digest }) =>
      matches(this.#names.writtenNames(repository), tag === undefined ? [] : [tag], digest);
  }

  /**
   * Checks that a pattern can match an image.
   * @throws {CareError} `invalid`
   */
  checkPattern(pattern: string): void {
    this.#compile(pattern);
    if (this.#names.upstreams.some(({ name }) => name === pattern)) {
      throw new CareError('invalid', `${pattern} is an upstream, did you mean ${pattern}/*?`);
    }
  }

  #compile(pattern: string): ImagePattern {
    try {
      return imagePattern(pattern);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw new CareError('invalid', `${pattern} is no pattern of images: it ${error.message}`, {
        cause: error,
      });
    }
  }

  /** Includes the literal name: an upstream that is no longer configured may have left images. */
  #repositories(written: WrittenName): readonly Repository[] {
    const literal = literally(written);
    const { name, registry: namespace } = written;
    try {
      const candidates = this.#names.candidates({ name, namespace });
      if (literal === undefined) return candidates;
      const key = repositoryKey(literal);
      return candidates.some((one) => repositoryKey(one) === key) ? candidates : [...candidates, literal];
    } catch (error) {
      if (literal !== undefined) return [literal];
      if (!(error instanceof RegistryError)) throw error;
      throw new CareError('not-found', error.message, { cause: error });
    }
  }
}

/** The repository whose upstream is the first component. */
function literally({ name, registry }: WrittenName): Repository | undefined {
  if (registry !== undefined) return { upstream: registry, name };
  const slash = name.indexOf('/');
  if (slash < 0) return undefined;
  const upstream = parseUpstreamName(name.slice(0, slash));
  const rest = parseRepositoryName(name.slice(slash + 1));
  return upstream === undefined || rest === undefined ? undefined : { upstream, name: rest };
}

function tagReference(text: string): { readonly tag: Tag } | undefined {
  const tag = parseTag(text);
  return tag && { tag };
}

function digestReference(text: string): ManifestReference | undefined {
  const digest = parseDigest(text);
  return digest && { digest };
}
