import type { Digest } from '../../oci/digest.ts';
import type { ImageReference } from '../../oci/image-reference.ts';
import type { Manifest } from '../../oci/manifest.ts';
import type { Tag } from '../../oci/reference.ts';

/** What an archive calls an image. At least one of the two is known. */
export interface WrittenName {
  /** Undefined where the archive has nothing but a tag. Without a tag, the image is known by its digest. */
  readonly reference: ImageReference | undefined;
  readonly tag: Tag | undefined;
}

/** An image in an archive. */
export interface ArchiveImage {
  /** None where the archive does not name it. */
  readonly names: readonly WrittenName[];
  readonly root: Manifest;
  /** Those that are in the archive: the root, what it lists, and what refers to that. */
  readonly manifests: ReadonlyMap<Digest, Manifest>;
  /** Where the archive has the bytes of a blob, if it has them. */
  readonly fileOf: (digest: Digest) => string;
  /** Whether the manifest was made here, since the archive has none: no registry knows its digest. */
  readonly made: boolean;
  /** Blobs that an earlier bundle has. */
  readonly omitted: ReadonlySet<Digest>;
  /** Whether the archive says that it is to be pinned. */
  readonly pinned: boolean;
}

/** What is found in an archive besides images, for people. */
export interface ReadNotes {
  readonly note: (entry: string, problem: string) => void;
}
