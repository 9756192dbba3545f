import { Limiter } from '../../base/limiter.ts';
import { companionStem, companionSuffixes } from '../../oci/companion-tag.ts';
import type { Digest } from '../../oci/digest.ts';
import type { ImageReference } from '../../oci/image-reference.ts';
import { selectFromIndex, type IndexEntry } from '../../oci/index-selection.ts';
import { manifestMediaTypes, mediaTypes } from '../../oci/media-type.ts';
import { platformText, suitability, type Platforms } from '../../oci/platform.ts';
import { parseTag, type ManifestReference, type Repository, type Tag } from '../../oci/reference.ts';
import { isNotFound } from '../../upstream/failure-policy.ts';
import { UpstreamError } from '../../upstream/registry.ts';
import { verified, type VerifiedManifest } from '../manifests/verified-manifest.ts';
import { imageBlobs } from '../pull-ahead/image-blobs.ts';
import { failureReason } from './failure-reason.ts';
import { ImageParts } from './image-parts.ts';
import { sourcePlatform } from './source-platform.ts';
import type { SourceRepository, SyncSource } from './sync-source.ts';

/** Manifests and lists asked for at a time, of all images together. */
const atATime = 8;
/** Indexes in indexes; registries and clients know one or two. */
const maxDepth = 4;
/** Of one image, with all that refers to what refers to it. */
const maxReferrers = 1000;
/** A signature of a bill of materials is the second. */
const maxReferrerDepth = 3;

const indexTypes: ReadonlySet<string> = new Set([mediaTypes.ociIndex, mediaTypes.dockerManifestList]);

/** What is wanted of an image. */
export interface Wanted {
  readonly reference: ImageReference;
  readonly platforms: Platforms;
  /** Whether that is only what the source has: it lacks manifests that an index lists, and that is no failure. */
  readonly asFarAsThere: boolean;
}

/** Finds out what images consist of at their source. */
export class PartsReader {
  readonly #source: SyncSource;
  readonly #limiter = new Limiter(atATime);
  readonly #signal: AbortSignal;

  /** @param signal ends what is asked; then everything rejects with UpstreamError `aborted` */
  constructor(source: SyncSource, signal: AbortSignal) {
    this.#source = source;
    this.#signal = signal;
  }

  /** Rejects when the reference stands for nothing there; what is missing of it is in the result. */
  async read({ reference, platforms, asFarAsThere }: Wanted): Promise<ImageParts> {
    const { registry, repository: name, tag, digest } = reference;
    const repository = { upstream: registry, name };
    const asked = digest !== undefined ? { digest } : tag && { tag };
    if (asked === undefined) throw new TypeError('a reference has a tag or a digest');
    const notices = new Set<string>();
    const root = await this.#manifest(repository, asked, notices);
    const parts = new ImageParts(repository, root.manifest.digest, tag);
    parts.notes.push(...[...notices].map((text) => `${this.#source.host} says: ${text}`));
    await this.#add(parts, root, { platforms, asFarAsThere, depth: 0 });
    await this.#notePlatform(parts, root, platforms);
    return parts;
  }

  /** The platform of an image without an index: it is pulled for whatever platform is asked for. */
  async #notePlatform(parts: ImageParts, { contents }: VerifiedManifest, wanted: Platforms): Promise<void> {
    const [first] = imageBlobs(contents);
    const config = contents.blobs.find(({ digest }) => digest === first);
    const platform = config && (await sourcePlatform(this.#at(parts.repository), config, this.#signal));
    if (platform === undefined) return;
    const text = platformText(platform);
    parts.platforms.add(text);
    if (wanted !== 'all' && !wanted.some((one) => suitability(one, platform) !== undefined))
      parts.notes.push(`it is for ${text} only, whatever platform is asked for`);
  }

  /** What refers to an image and its platforms, each an image of its own. */
  async *referrers(image: ImageParts): AsyncGenerator<ImageParts> {
    const seen = new Set<Digest>(image.manifests.keys());
    let subjects: readonly Digest[] = [...seen];
    for (let depth = 0; depth < maxReferrerDepth && subjects.length > 0; depth += 1) {
      const found: ImageParts[] = [];
      for (const subject of subjects) {
        for await (const parts of this.#referrersOf(image, subject, seen)) {
          found.push(parts);
          yield parts;
        }
      }
      subjects = found.flatMap((parts) => [...parts.manifests.keys()]);
    }
  }

  async *#referrersOf(image: ImageParts, subject: Digest, seen: Set<Digest>): AsyncGenerator<ImageParts> {
    const { repository } = image;
    const references: { readonly reference: ManifestReference; readonly tag: Tag | undefined }[] = [];
    try {
      for (const { digest } of await this.#listed(repository, subject)) {
        if (!seen.has(digest)) references.push({ reference: { digest }, tag: undefined });
      }
    } catch (error) {
      fail(image, `referrers of ${subject}`, error);
    }
    for (const suffix of companionSuffixes) {
      const tag = parseTag(`${companionStem(subject)}${suffix}`);
      if (tag !== undefined) references.push({ reference: { tag }, tag });
    }
    for (const { reference, tag } of references) {
      if (seen.size >= maxReferrers) {
        image.notes.push(`more than ${maxReferrers} manifests refer to it: the rest is left out`);
        return;
      }
      const parts = await this.#referrer(image, reference, tag);
      if (parts === undefined) continue;
      for (const digest of parts.manifests.keys()) seen.add(digest);
      yield parts;
    }
  }

  /** Undefined for one that the source does not have. */
  async #referrer(
    image: ImageParts,
    reference: ManifestReference,
    tag: Tag | undefined,
  ): Promise<ImageParts | undefined> {
    const { repository } = image;
    try {
      const root = await this.#manifest(repository, reference);
      const parts = new ImageParts(repository, root.manifest.digest, tag);
      await this.#add(parts, root, { platforms: 'all', asFarAsThere: true, depth: 0 });
      return parts;
    } catch (error) {
      if (!isNotFound(error))
        fail(image, `referrer ${'tag' in reference ? reference.tag : reference.digest}`, error);
      return undefined;
    }
  }

  async #add(
    parts: ImageParts,
    { manifest, contents }: VerifiedManifest,
    how: { readonly platforms: Platforms; readonly asFarAsThere: boolean; readonly depth: number },
  ): Promise<void> {
    parts.add(manifest, contents.blobs);
    if (!indexTypes.has(manifest.mediaType)) return;
    const { entries, replaced, missing, offered } = selectFromIndex(manifest.bytes, how.platforms);
    for (const { wanted, taken } of replaced)
      parts.notes.push(`${platformText(taken)} is taken for ${platformText(wanted)}, which it has not`);
    const has = offered.length === 0 ? 'no platform at all' : offered.map(platformText).join(', ');
    for (const platform of how.asFarAsThere ? [] : missing)
      parts.failures.push({ what: platformText(platform), reason: `the image is not for it: it has ${has}` });
    await Promise.all(entries.map((entry) => this.#addEntry(parts, entry, how)));
  }

  async #addEntry(
    parts: ImageParts,
    entry: IndexEntry,
    how: { readonly platforms: Platforms; readonly asFarAsThere: boolean; readonly depth: number },
  ): Promise<void> {
    const { digest, mediaType, platform } = entry;
    if (parts.manifests.has(digest)) return;
    const text = platform === undefined || platform.os === 'unknown' ? undefined : platformText(platform);
    if (!manifestMediaTypes.includes(mediaType) && text === undefined) {
      parts.notes.push(`${digest} is left out, which is no manifest`);
      return;
    }
    const what = text ?? `manifest ${digest}`;
    if (how.depth >= maxDepth) {
      parts.failures.push({ what, reason: 'indexes are nested too deeply' });
      return;
    }
    try {
      const child = await this.#manifest(parts.repository, { digest });
      await this.#add(parts, child, { ...how, depth: how.depth + 1 });
      if (text !== undefined) parts.platforms.add(text);
    } catch (error) {
      if (!(how.asFarAsThere && isNotFound(error))) fail(parts, what, error);
    }
  }

  #manifest(
    repository: Repository,
    reference: ManifestReference,
    notices?: Set<string>,
  ): Promise<VerifiedManifest> {
    const { registry, name } = this.#at(repository);
    const onWarning = (text: string): void => void notices?.add(text);
    return this.#limiter.run(async () => {
      const given = await registry.getManifest(name, reference, { signal: this.#signal, onWarning });
      return verified(repository.upstream, given, reference);
    });
  }

  #listed(repository: Repository, subject: Digest) {
    const { registry, name } = this.#at(repository);
    return this.#limiter.run(
      async () => (await registry.referrers(name, subject, { signal: this.#signal })) ?? [],
    );
  }

  #at(repository: Repository): SourceRepository {
    const place = this.#source.at(repository);
    if (place !== undefined) return place;
    throw new UpstreamError('not-found', `${this.#source.host} cannot be asked for ${repository.upstream}`);
  }
}

/** Notes why something of an image is missing. @throws for an unexpected error */
export function fail({ failures }: ImageParts, what: string, error: unknown): void {
  const reason = failureReason(error);
  if (reason === undefined) throw error;
  failures.push({ what, reason });
}
