import type { Digest } from '../../oci/digest.ts';
import type { BlobReader, ContentStore } from '../../store/content-store.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { Degradation } from '../../cache/degradation.ts';
import type { Fills } from '../fill/fills.ts';

export interface StoredBlobsDeps {
  readonly content: ContentStore;
  readonly metadata: MetadataStore;
  readonly fills: Fills;
  readonly degradation: Degradation;
  readonly logger: Logger;
}

/** The cached blobs, and what is done when one is damaged. Callers hold the digest in InUse. */
export class StoredBlobs {
  readonly #deps: StoredBlobsDeps;

  constructor(deps: StoredBlobsDeps) {
    this.#deps = deps;
  }

  /**
   * The size of a cached blob. One that a crash left without its row is complete, and gets its row now.
   * @param stated the size that a manifest states, in bytes; where the file has another, its bytes are hashed
   */
  async size(digest: Digest, stated?: number): Promise<number | undefined> {
    const recorded = await this.#deps.degradation.tolerate(() => this.#deps.metadata.blob(digest));
    if (recorded !== undefined || this.#deps.fills.get(digest) !== undefined) return recorded;
    const size = await this.#deps.degradation.tolerate(() => this.#deps.content.size(digest));
    if (size === undefined) return undefined;
    // Anybody can write a manifest that states another size, and must not have good bytes put aside by it.
    if (stated !== undefined && size !== stated) {
      const verdict = await this.#deps.degradation.tolerate(() => this.#deps.content.verify(digest));
      if (verdict === 'damaged')
        await this.damaged(digest, `the stored blob has ${size} bytes in place of ${stated}`);
      if (verdict !== 'intact') return undefined;
    }
    const adopted = await this.#deps.degradation.tolerate(() => this.#deps.metadata.adoptBlob(digest, size));
    return adopted === false ? undefined : size;
  }

  /** Opens a blob of that size in bytes. Undefined when it cannot be opened, or has another size. */
  async open(digest: Digest, size: number): Promise<BlobReader | undefined> {
    const found = await this.#deps.degradation.tolerate(async () => ({
      reader: await this.#deps.content.open(digest),
    }));
    // The store failed to open it, which does not mean that the blob is damaged.
    if (found === undefined) return undefined;
    const { reader } = found;
    if (reader?.size === size) return reader;
    await reader?.close();
    await this.damaged(
      digest,
      reader === undefined
        ? 'the stored blob is missing'
        : `the stored blob has ${reader.size} bytes in place of ${size}`,
    );
    return undefined;
  }

  /** Takes bytes out of use that are not what they should be: the next request fetches them anew. */
  async damaged(digest: Digest, reason: unknown): Promise<void> {
    if (this.#deps.fills.get(digest) !== undefined) return;
    this.#deps.logger.error(
      { digest, err: reason instanceof Error ? reason : new Error(String(reason)) },
      'a stored blob is damaged; it is put aside, and fetched anew when it is asked for',
    );
    await this.#deps.degradation.tolerate(() => this.#deps.metadata.removeBlob(digest));
    await this.#deps.degradation.tolerate(() => this.#deps.content.quarantine(digest));
  }
}
