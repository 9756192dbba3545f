import type { Digest } from '../../oci/digest.ts';
import type { Audit } from '../../store/audit.ts';
import type { ContentStore, VerifyOptions } from '../../store/content-store.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import type { ImageNames } from './image-names.ts';

/** `gone`: it was evicted meanwhile, so it is nobody's loss. */
export type BlobCondition = 'intact' | 'damaged' | 'missing' | 'gone';

/** As many images as are worth naming where one blob is at fault. */
const namedImages = 5;

/** As often as nobody evicts one blob and pulls it again while it is looked at. */
const looksForMissing = 4;

export interface BlobCheckerOptions {
  readonly content: Pick<ContentStore, 'verify' | 'quarantine' | 'size'>;
  readonly metadata: Pick<MetadataStore, 'blob' | 'removeBlob' | 'adoptBlob'>;
  readonly audit: Pick<Audit, 'imagesNaming'>;
  readonly names: ImageNames;
}

/** Blobs that the database says are held: whether they are, and what to do where they are not. Rejects with StoreError. */
export class BlobChecker {
  readonly #content: BlobCheckerOptions['content'];
  readonly #metadata: BlobCheckerOptions['metadata'];
  readonly #audit: BlobCheckerOptions['audit'];
  readonly #names: ImageNames;

  constructor({ content, metadata, audit, names }: BlobCheckerOptions) {
    this.#content = content;
    this.#metadata = metadata;
    this.#audit = audit;
    this.#names = names;
  }

  /** Hashes a blob while others pull and evict. Rejects with the signal's reason, too. */
  async examine(digest: Digest, options: VerifyOptions = {}): Promise<BlobCondition> {
    for (let looks = 1; ; looks += 1) {
      const verdict = await this.#content.verify(digest, options);
      if (verdict === 'intact') return verdict;
      if ((await this.#metadata.blob(digest)) === undefined) return 'gone';
      // A file that is missing may have been evicted, and pulled again by now.
      if (verdict === 'damaged' || looks === looksForMissing) return verdict;
    }
  }

  /** Takes a damaged or missing blob out of use, also while it is read: the next request fetches it anew. */
  async takeOut(digest: Digest): Promise<void> {
    await this.#content.quarantine(digest);
    await this.#metadata.removeBlob(digest);
    // One that was pulled again between the two is held all the same.
    const size = await this.#content.size(digest);
    if (size !== undefined) await this.#metadata.adoptBlob(digest, size);
  }

  /** The canonical names of a few images that name a blob or manifest. */
  async images(digest: Digest): Promise<readonly string[]> {
    const keys = await this.#audit.imagesNaming(digest, namedImages);
    return keys.map((key) => this.#names.show(key.repository, key));
  }
}
