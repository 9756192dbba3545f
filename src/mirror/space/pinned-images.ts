import { setImmediate as turn } from 'node:timers/promises';
import type { Digest } from '../../oci/digest.ts';
import { readManifest, type Manifest } from '../../oci/manifest.ts';
import type { ManifestReference, Repository, Tag } from '../../oci/reference.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import type { Pins } from './pins.ts';

/** Which removals on demand would take away something that is pinned. */
export class PinnedImages {
  readonly #pins: Pick<Pins, 'load' | 'patternOf'>;
  readonly #metadata: Pick<MetadataStore, 'manifest' | 'tag' | 'tags'>;

  constructor(
    pins: Pick<Pins, 'load' | 'patternOf'>,
    metadata: Pick<MetadataStore, 'manifest' | 'tag' | 'tags'>,
  ) {
    this.#pins = pins;
    this.#metadata = metadata;
  }

  /**
   * The pattern that protects what a reference names, or undefined. A tag is protected by itself, and by its image's digest.
   * A digest is protected by each tag that would go with it, or whose image it is a part of. Nothing is that is not held.
   * Rejects with StoreError.
   */
  async patternOf(repository: Repository, reference: ManifestReference): Promise<string | undefined> {
    await this.#pins.load();
    if ('tag' in reference) {
      const record = await this.#metadata.tag(repository, reference.tag);
      return record && this.#pins.patternOf(repository, [reference.tag], record.digest);
    }
    const manifest = await this.#metadata.manifest(repository, reference.digest);
    if (manifest === undefined) return undefined;
    return (
      this.#pins.patternOf(repository, [], manifest.digest) ??
      (await this.#patternOfTags(repository, manifest))
    );
  }

  async #patternOfTags(repository: Repository, manifest: Manifest): Promise<string | undefined> {
    for (const tag of await this.#metadata.tags(repository)) {
      const pattern = this.#pins.patternOf(repository, [tag], manifest.digest);
      if (pattern === undefined) continue;
      if (await this.#isPartOf(repository, tag, manifest)) return pattern;
      // Reading a manifest takes a while, and a pattern may match thousands of tags.
      await turn();
    }
    return undefined;
  }

  /** Whether a manifest is what a tag points to, is listed by it, or refers to it by its subject. */
  async #isPartOf(repository: Repository, tag: Tag, { digest, bytes }: Manifest): Promise<boolean> {
    const root = (await this.#metadata.tag(repository, tag))?.digest;
    if (root === undefined) return false;
    if (root === digest || readManifest(bytes).subject === root) return true;
    const image = await this.#metadata.manifest(repository, root);
    return image !== undefined && lists(image, digest);
  }
}

function lists(image: Manifest, digest: Digest): boolean {
  return readManifest(image.bytes).children.some((child) => child.digest === digest);
}
