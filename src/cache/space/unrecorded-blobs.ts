import type { Digest } from '../../oci/digest.ts';
import type { ContentStore } from '../../store/content-store.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import type { InUse } from '../in-use.ts';

/** Blobs whose bytes were committed just before a crash, without a row: nobody would find or count them. */
export class UnrecordedBlobs {
  readonly #content: ContentStore;
  readonly #metadata: MetadataStore;
  readonly #inUse: InUse;

  constructor(content: ContentStore, metadata: MetadataStore, inUse: InUse) {
    this.#content = content;
    this.#metadata = metadata;
    this.#inUse = inUse;
  }

  /** Gives them their rows. Rejects with StoreError. */
  async adopt(signal: AbortSignal): Promise<void> {
    for (const digest of await this.#content.unrecorded()) {
      if (signal.aborted) return;
      // A fill of it is under way, and sees to it.
      if (this.#inUse.has(digest)) continue;
      using _ = this.#inUse.hold(digest);
      await this.#adopt(digest);
    }
  }

  async #adopt(digest: Digest): Promise<void> {
    const size = await this.#content.size(digest);
    if (size !== undefined && (await this.#metadata.blob(digest)) === undefined) {
      await this.#metadata.adoptBlob(digest, size);
    }
    await this.#content.recorded(digest);
  }
}
