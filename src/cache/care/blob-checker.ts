import type { Digest } from '../../oci/digest.ts';
import type { Audit } from '../../store/audit.ts';
import type { ContentStore, VerifyOptions } from '../../store/content-store.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import type { ImageNames } from './image-names.ts';

/** `gone`: it was evicted meanwhile. */
export type BlobCondition = 'intact' | 'damaged' | 'missing' | 'gone';

/** The most images that are named where one blob is at fault. */
const namedImages = 5;

/** Looks at a blob that is missing: it may be evicted and pulled again between two of them. */
const looksForMissing = 4;

export interface BlobCheckerDeps {
  readonly content: Pick<ContentStore, 'verify' | 'quarantine' | 'size'>;
  readonly metadata: Pick<MetadataStore, 'blob' | 'removeBlob' | 'adoptBlob'>;
  readonly audit: Pick<Audit, 'imagesNaming'>;
  readonly names: ImageNames;
}

/** Checks blobs that the database has, and puts damaged ones aside. Rejects with StoreError. */
export class BlobChecker {
  readonly #deps: BlobCheckerDeps;

  constructor(deps: BlobCheckerDeps) {
    this.#deps = deps;
  }

  /** Hashes a blob, during pulls and evictions. Rejects with the signal's reason, too. */
  async examine(digest: Digest, options: VerifyOptions = {}): Promise<BlobCondition> {
    const { content, metadata } = this.#deps;
    for (let looks = 1; ; looks += 1) {
      const verdict = await content.verify(digest, options);
      if (verdict === 'intact') return verdict;
      if ((await metadata.blob(digest)) === undefined) return 'gone';
      if (verdict === 'damaged' || looks === looksForMissing) return verdict;
    }
  }

  /** Takes a damaged or missing blob out of use, even while it is read: the next request fetches it anew. */
  async takeOut(digest: Digest): Promise<void> {
    const { content, metadata } = this.#deps;
    await content.quarantine(digest);
    await metadata.removeBlob(digest);
    // It may have been pulled again between the two.
    const size = await content.size(digest);
    if (size !== undefined) await metadata.adoptBlob(digest, size);
  }

  /** Canonical names of a few images that name a blob or manifest. */
  async images(digest: Digest): Promise<readonly string[]> {
    const { audit, names } = this.#deps;
    const images = await audit.imagesNaming(digest, namedImages);
    return images.map((image) => names.show(image.repository, image));
  }
}
