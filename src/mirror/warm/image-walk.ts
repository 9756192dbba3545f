import type { Digest } from '../../oci/digest.ts';
import type { ImageReference } from '../../oci/image-reference.ts';
import { selectFromIndex, type IndexEntry } from '../../oci/index-selection.ts';
import { descriptors, readDocument, readManifest } from '../../oci/manifest.ts';
import { manifestMediaTypes, mediaTypes } from '../../oci/media-type.ts';
import { platformText, suitability, type Platform, type Platforms } from '../../oci/platform.ts';
import type { ManifestReference, Repository } from '../../oci/reference.ts';
import type { Candidates } from '../candidates.ts';
import type { ManifestRecords } from '../manifests/manifest-records.ts';
import type { ManifestAnswer } from '../mirror.ts';
import { imageBlobs } from '../pull-ahead/image-blobs.ts';
import { failureReason } from './failure-reason.ts';
import { ImageContents } from './image-contents.ts';
import type { ManifestSource } from './manifest-source.ts';

/** Indexes in indexes; registries and clients know one or two. */
const maxDepth = 4;
/** What is missing of one image and is told of each. */
const maxFailures = 1000;

const indexTypes: ReadonlySet<string> = new Set([mediaTypes.ociIndex, mediaTypes.dockerManifestList]);

export interface ImageWalkDeps {
  readonly candidates: Pick<Candidates, 'firstForOperator'>;
  readonly records: Pick<ManifestRecords, 'canAnswer'>;
  readonly source: ManifestSource;
}

/** An image that is wanted. */
export interface Wanted {
  readonly reference: ImageReference;
  readonly platforms: Platforms;
}

/** Fetches the manifests of an image for some platforms, and finds out which blobs they name. */
export class ImageWalk {
  readonly #deps: ImageWalkDeps;
  readonly #platforms: Platforms;

  constructor(deps: ImageWalkDeps, platforms: Platforms) {
    this.#deps = deps;
    this.#platforms = platforms;
  }

  /** Rejects with RegistryError when the reference stands for nothing. What is missing of it is in the result. */
  async from(reference: ImageReference): Promise<ImageContents> {
    const { repository, answer } = await this.#root(reference);
    const contents = new ImageContents(repository, answer.descriptor.digest);
    note(contents, reference, answer);
    await this.add(contents, answer, 0);
    if (indexTypes.has(answer.descriptor.mediaType)) this.#missing(contents);
    if (reference.digest !== undefined && reference.tag !== undefined)
      await this.#sightTag(contents, { tag: reference.tag }, reference.digest);
    return contents;
  }

  /** Adds a manifest with all that it names, as far as that is wanted. */
  async add(contents: ImageContents, { descriptor, bytes }: ManifestAnswer, depth: number): Promise<void> {
    if (bytes === undefined) throw new TypeError('a GET always brings a manifest');
    contents.manifests.add(descriptor.digest);
    if (indexTypes.has(descriptor.mediaType)) return this.#addIndex(contents, bytes, depth);
    const manifest = readManifest(bytes);
    for (const { digest, size } of manifest.blobs) contents.blobs.set(digest, size);
    if (depth === 0) [contents.config] = imageBlobs(manifest);
    const foreign = descriptors(readDocument(bytes), 'layers').filter((layer) => layer.foreign).length;
    if (foreign > 0) contents.notes.push(`layers that clients fetch from elsewhere are not here: ${foreign}`);
  }

  async #root(
    reference: ImageReference,
  ): Promise<{ readonly repository: Repository; readonly answer: ManifestAnswer }> {
    const { candidates, records, source } = this.#deps;
    const { registry, repository: name, tag, digest } = reference;
    const asked = digest === undefined && tag !== undefined ? { tag } : digest && { digest };
    if (asked === undefined) throw new TypeError('a reference has a tag or a digest');
    return candidates.firstForOperator(
      { name, namespace: registry },
      (repository) => records.canAnswer(repository, asked),
      async (repository) => ({ repository, answer: await source.get(repository, asked) }),
    );
  }

  async #addIndex(contents: ImageContents, bytes: Buffer, depth: number): Promise<void> {
    const { entries, replaced, offered } = selectFromIndex(bytes, this.#platforms);
    for (const { wanted, taken } of replaced)
      contents.notes.push(
        `it has no ${platformText(wanted)}: ${platformText(taken)} is taken, which runs there`,
      );
    for (const platform of offered) contents.offered.set(platformText(platform), platform);
    await Promise.all(entries.map((entry) => this.#addEntry(contents, entry, depth)));
  }

  /** What an index lacks, one in it may have: so it is told once all are known. */
  #missing({ offered, hasUnstated, failures, notes }: ImageContents): void {
    if (this.#platforms === 'all') return;
    const has = offered.size === 0 ? 'no platform at all' : [...offered.keys()].join(', ');
    for (const wanted of this.#platforms) {
      if (offered.values().some((one) => suitability(wanted, one) !== undefined)) continue;
      const what = platformText(wanted);
      if (hasUnstated) notes.push(`it does not say whether it is for ${what}`);
      else failures.push({ what, reason: `the image is not for it: it has ${has}` });
    }
  }

  async #addEntry(contents: ImageContents, entry: IndexEntry, depth: number): Promise<void> {
    const { digest, mediaType, platform, attests } = entry;
    const { repository, failures, notes } = contents;
    if (contents.manifests.has(digest)) return;
    if (!manifestMediaTypes.includes(mediaType) && platform === undefined) {
      notes.push(`${digest} is left out, which is no manifest: ${mediaType}`);
      return;
    }
    const what = entryText(entry);
    contents.hasUnstated ||= attests === undefined && platform === undefined && !indexTypes.has(mediaType);
    if (depth >= maxDepth) {
      failures.push({ what, reason: 'indexes are nested too deeply' });
      return;
    }
    try {
      await this.add(contents, await this.#deps.source.get(repository, { digest }), depth + 1);
      if (isForMachines(platform)) contents.platforms.add(platformText(platform));
    } catch (error) {
      fail(contents, what, error);
    }
  }

  /** Docker pulls by the digest alone; the tag is kept for those who pull by it, if it still means that digest. */
  async #sightTag(contents: ImageContents, reference: ManifestReference & { tag: string }, digest: Digest) {
    try {
      const { descriptor } = await this.#deps.source.sight(contents.repository, reference);
      if (descriptor.digest !== digest)
        contents.notes.push(`${reference.tag} is another image by now: it is kept by its digest only`);
    } catch (error) {
      if (failureReason(error) === undefined) throw error;
      contents.notes.push(`${reference.tag} is not kept as a tag: ${failureReason(error) ?? ''}`);
    }
  }
}

/** How a manifest of an index is called where it is missing. */
function entryText({ digest, platform, attests }: IndexEntry): string {
  if (attests !== undefined) return `attestation ${digest}`;
  return isForMachines(platform) ? platformText(platform) : `manifest ${digest}`;
}

/** What no machine runs has the platform `unknown/unknown`, or none. */
function isForMachines(platform: Platform | undefined): platform is Platform {
  return platform !== undefined && platform.os !== 'unknown';
}

/** Notes why something of an image is missing. @throws for an unexpected error */
export function fail({ failures }: ImageContents, what: string, error: unknown): void {
  const reason = failureReason(error);
  if (reason === undefined) throw error;
  if (failures.length < maxFailures) failures.push({ what, reason });
}

function note({ notes }: ImageContents, { tag }: ImageReference, answer: ManifestAnswer): void {
  const { warning, notices = [] } = answer;
  if (warning !== undefined) notes.push(`${tag ?? 'it'} is as it was last seen: ${warning}`);
  notes.push(...notices.map((text) => `upstream says: ${text}`));
}
