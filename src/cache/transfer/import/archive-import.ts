import type { Archive } from '../../../archive/read/archive.ts';
import { inputName, type ArchiveInput } from '../../../archive/read/archive-inputs.ts';
import type { ArchiveImage } from '../../../archive/read/archive-image.ts';
import { ArchiveError } from '../../../archive/read/archive-error.ts';
import { containerdImages } from '../../../archive/read/containerd-images.ts';
import { openArchive } from '../../../archive/read/open-archive.ts';
import { readImages } from '../../../archive/read/read-images.ts';
import type { Digest } from '../../../oci/digest.ts';
import type { Platforms } from '../../../oci/platform.ts';
import { CareError } from '../../care/care-error.ts';
import type { ContentSink, ImageOutcome } from '../content-sink.ts';
import { BlobGiver } from './blob-giver.ts';
import { planImage, type ImagePlan } from './image-plan.ts';
import { targetsOf, targetText, type GivenName, type Target } from './target-names.ts';

/** An image that was imported. */
export interface ImportedImage {
  /** Its full name, with tag or digest. */
  readonly name: string;
  readonly digest: Digest;
  /** Whether the archive had no manifest of it, so that one was made. */
  readonly made: boolean;
  /** As its index states them; none for an image of one platform. */
  readonly platforms: readonly string[];
  /** Bytes of all its blobs, and of those that were not there before. */
  readonly bytes: number;
  readonly stored: number;
  readonly outcome: ImageOutcome;
}

export interface ArchiveImportDeps {
  readonly sink: ContentSink;
  readonly stdin: AsyncIterable<Uint8Array>;
  /** In place of the archives' names. */
  readonly as: GivenName | undefined;
  readonly platforms: Platforms;
  readonly pin: boolean;
  readonly signal: AbortSignal;
  /** Told of bytes that were read. */
  readonly onBytes: (bytes: number) => void;
  /** Told of bytes that are going to be read, as far as that is known before. */
  readonly onExpected: (bytes: number) => void;
  /** Told of what is odd, but no error. */
  readonly onNote: (file: string, problem: string) => void;
  readonly onImage: (image: ImportedImage) => void;
}

/** Puts the images of archives into a cache. */
export class ArchiveImport {
  readonly #deps: ArchiveImportDeps;
  readonly #blobs: BlobGiver;

  constructor(deps: ArchiveImportDeps) {
    this.#deps = deps;
    this.#blobs = new BlobGiver(deps);
  }

  /**
   * Imports an archive, image by image; repeated, it goes on where it ended.
   * @throws {ArchiveError} for what is wrong with the archive
   * @throws {CareError} or StoreError, where the cache does not take it
   */
  async run(input: ArchiveInput): Promise<void> {
    const { stdin, onNote } = this.#deps;
    const file = inputName(input);
    await using archive = await openArchive(input, {
      stdin,
      take: (blob, bytes) => this.#blobs.take(file, blob, bytes),
      warn: onNote,
    });
    const notes = { note: (entry: string, problem: string) => onNote(archive.file, `${entry} ${problem}`) };
    const isNode = input.kind === 'containerd';
    const images = isNode
      ? await containerdImages(input.path, archive, notes)
      : await readImages(archive, notes);
    const { as, sink } = this.#deps;
    const targets = targetsOf(archive.file, images, as, (problem) => onNote(archive.file, problem));
    const all = [...targets].flatMap(([image, names]) => names.map((target) => ({ image, target })));
    if (!isNode) for (const { target } of all) await this.#advised(sink.lacking(target.repository, []));
    for (const { image, target } of all) {
      const importing = this.#import(archive, image, target);
      await (isNode ? this.#tolerated(archive, importing) : importing);
    }
  }

  /** A node has images of registries that are not mirrored here, and may have lost parts of others. */
  async #tolerated(archive: Archive, importing: Promise<void>): Promise<void> {
    try {
      await importing;
    } catch (error) {
      const isItsOwn =
        error instanceof ArchiveError || (error instanceof CareError && error.kind === 'invalid');
      if (!isItsOwn) throw error;
      this.#deps.onNote(archive.file, `${error.message}: left out`);
    }
  }

  async #import(archive: Archive, image: ArchiveImage, target: Target): Promise<void> {
    const { sink, platforms, pin, onNote, onExpected, onImage } = this.#deps;
    const { repository, tag } = target;
    const { root, made } = image;
    const name = targetText(target, root.digest);
    const plan = await planImage({
      archive,
      image,
      name,
      platforms,
      lacking: (blobs) => sink.lacking(repository, blobs),
      note: (problem) => onNote(archive.file, problem),
    });
    const unseen = plan.given.filter(({ digest }) => !this.#blobs.hasSeen(digest));
    onExpected(unseen.reduce((total, { size, offset }) => total + size - offset, 0));
    for (const blob of unseen) {
      const entry = image.fileOf(blob.digest);
      if (await archive.canOpen(entry)) await this.#blobs.give(archive, entry, blob);
    }
    const outcome = await sink.putImage({
      repository,
      root: root.digest,
      manifests: plan.manifests,
      tag: tag && { name: tag, checkedAt: 0, replaces: !made },
      proven: seenOf(plan, this.#blobs),
      pin: pin || image.pinned,
    });
    const stored = this.#blobs.countStored(plan.blobs);
    const bytes = plan.blobs.reduce((total, { size }) => total + size, 0);
    onImage({ name, digest: root.digest, made, platforms: plan.platforms, bytes, stored, outcome });
  }

  /** A name that an archive has need not be one of a registry that is mirrored here. */
  async #advised(checking: Promise<unknown>): Promise<void> {
    try {
      await checking;
    } catch (cause) {
      if (!(cause instanceof CareError) || cause.kind !== 'invalid' || this.#deps.as !== undefined)
        throw cause;
      throw new CareError('invalid', `${cause.message}; --as gives an image another name`, { cause });
    }
  }
}

/** Blobs that the archive was seen to have. */
function seenOf({ given }: ImagePlan, blobs: BlobGiver): readonly Digest[] {
  return given.map(({ digest }) => digest).filter((digest) => blobs.hasSeen(digest));
}
