import type { Clock } from '../../base/clock.ts';
import { isDigestOf, type Digest } from '../../oci/digest.ts';
import {
  manifestMediaType,
  ManifestSyntaxError,
  maxManifestBytes,
  readManifest,
  type Manifest,
  type ManifestContents,
} from '../../oci/manifest.ts';
import { repositoryKey, type Repository } from '../../oci/reference.ts';
import type { StoredBlob } from '../../store/content-store.ts';
import type { MetadataStore, PutOutcome } from '../../store/metadata-store.ts';
import { CareError } from '../care/care-error.ts';
import type { ImageNames, RepositoryNames } from '../care/image-names.ts';
import type { Allowance } from '../care/import/allowance.ts';
import type { ImageArrivals } from '../image-arrivals.ts';
import type { InUse } from '../in-use.ts';
import type { LimitEnforcer } from '../space/limit-enforcer.ts';
import type { Pins } from '../space/pins.ts';
import { checkMirrored } from './check-mirrored.ts';
import type { ContentSink, GivenImage, ImageOutcome } from './content-sink.ts';

export interface ImageSinkDeps {
  readonly metadata: MetadataStore;
  readonly inUse: InUse;
  readonly pins: Pins;
  readonly arrivals: ImageArrivals;
  readonly enforcer: Pick<LimitEnforcer, 'grown'>;
  readonly allowance: Allowance;
  readonly routing: RepositoryNames;
  readonly names: ImageNames;
  readonly clock: Clock;
}

/** The half of a {@link ContentSink} that takes images. */
export class ImageSink implements Pick<ContentSink, 'putImage'> {
  readonly #deps: ImageSinkDeps;

  constructor(deps: ImageSinkDeps) {
    this.#deps = deps;
  }

  async putImage(image: GivenImage): Promise<ImageOutcome> {
    const { metadata, inUse, pins, arrivals, enforcer, routing, names, clock } = this.#deps;
    const { repository, root, tag } = image;
    checkMirrored(routing, repository);
    const manifests = image.manifests.map((manifest) => read(manifest));
    if (!manifests.some(({ manifest }) => manifest.digest === root)) {
      throw new CareError('invalid', `the manifest ${root} of ${repositoryKey(repository)} was not given`);
    }
    const blobs = manifests.flatMap(({ contents }) => contents.blobs);
    using holds = new DisposableStack();
    for (const { digest } of blobs) holds.use(inUse.hold(digest));
    await this.#checkQuota(repository, blobs);
    const pin = image.pin ? names.show(repository, { tag: tag?.name, digest: root }) : undefined;
    const confirmed = await this.#confirmed(image, blobs);
    // Before the transaction, so that nothing can be evicted after it.
    if (pin !== undefined) await pins.load();
    const outcome = await metadata.putImage(repository, {
      manifests,
      tag: tag && { ...tag, digest: root, checkedAt: Math.min(tag.checkedAt, clock.now()) },
      confirmed,
      pin,
    });
    const [missing, ...more] = outcome.missing;
    if (missing !== undefined) {
      const others = more.length === 0 ? '' : ` and ${more.length} more`;
      throw new CareError('failed', `${repositoryKey(repository)} lacks the blob ${missing}${others}`);
    }
    if (pin !== undefined) pins.added(pin);
    const tags = tag === undefined ? [] : [tag.name];
    arrivals.announce({ repository, tags, blobs: confirmed.map(({ digest }) => digest) });
    void enforcer.grown(repository);
    return { tag: tagOutcome(root, outcome), pinned: pin };
  }

  /** What other repositories already have counts as well: rather refuse too much than evict. */
  async #checkQuota(repository: Repository, blobs: readonly StoredBlob[]): Promise<void> {
    const { metadata, allowance } = this.#deps;
    const sizes = new Map(blobs.map(({ digest, size }) => [digest, size]));
    let bytes = 0;
    for (const [digest, size] of sizes) {
      if ((await metadata.repositoryBlob(repository, digest)) === undefined) bytes += size;
    }
    const refusal = await allowance.quotaRefusal(repository, bytes);
    if (refusal !== undefined) throw new CareError('failed', `${repositoryKey(repository)} ${refusal}`);
  }

  /** Anybody can write a manifest that names a blob; who has its bytes learns nothing new by reading them. */
  async #confirmed({ proven }: GivenImage, blobs: readonly StoredBlob[]): Promise<readonly StoredBlob[]> {
    const named = new Set(blobs.map(({ digest }) => digest));
    const confirmed: StoredBlob[] = [];
    for (const digest of named.intersection(new Set<Digest>(proven))) {
      const size = await this.#deps.metadata.blob(digest);
      if (size !== undefined) confirmed.push({ digest, size });
    }
    return confirmed;
  }
}

/** @throws {CareError} `invalid` for bytes that are not the manifest that they are said to be */
function read(manifest: Manifest): { readonly manifest: Manifest; readonly contents: ManifestContents } {
  const { digest, bytes } = manifest;
  if (bytes.length > maxManifestBytes) {
    throw new CareError('invalid', `the manifest ${digest} is larger than ${maxManifestBytes} bytes`);
  }
  if (!isDigestOf(digest, bytes)) {
    throw new CareError('invalid', `the manifest ${digest} is damaged: its bytes hash to something else`);
  }
  try {
    const contents = readManifest(bytes);
    const mediaType = manifestMediaType(manifest.mediaType, contents);
    return { manifest: { mediaType, digest, size: bytes.length, bytes }, contents };
  } catch (error) {
    if (!(error instanceof ManifestSyntaxError)) throw error;
    const message = `the manifest ${digest} cannot be stored: ${error.message}`;
    throw new CareError('invalid', message, { cause: error });
  }
}

function tagOutcome(root: Digest, { tagBefore, tagNow }: PutOutcome): ImageOutcome['tag'] {
  if (tagNow === undefined) return 'none';
  if (tagBefore === undefined) return 'new';
  if (tagNow.digest !== root) return 'kept';
  return tagBefore.digest === root ? 'same' : 'moved';
}
