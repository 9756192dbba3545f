import type { Digest } from '../../oci/digest.ts';
import { digestKey, type Repository } from '../../oci/reference.ts';
import type { ManifestEvidence } from '../blobs/entitlement.ts';
import type { Speculation } from './speculation.ts';

/** An image whose manifest a client has got, and with which rights. */
export interface PulledImage {
  readonly repository: Repository;
  readonly digest: Digest;
  readonly evidence: ManifestEvidence;
  /** The config, then the layers from the lowest on. */
  readonly blobs: readonly Digest[];
  readonly speculation: Speculation;
  /** The images for other platforms in the same indexes, as soon as they are known. */
  otherPlatforms: ReadonlySet<Digest> | undefined;
}

/** The images that no client has asked a layer of yet, by their layers, each repository apart. */
export class Unasked {
  readonly #byLayer = new Map<string, Set<PulledImage>>();

  /** The manifest of an image was pulled, perhaps not for the first time. */
  add(image: PulledImage): void {
    this.delete(image);
    for (const key of layerKeys(image)) {
      const images = this.#byLayer.get(key);
      if (images === undefined) this.#byLayer.set(key, new Set([image]));
      else images.add(image);
    }
  }

  delete(image: PulledImage): void {
    for (const key of layerKeys(image)) {
      const images = this.#byLayer.get(key);
      images?.delete(image);
      if (images?.size === 0) this.#byLayer.delete(key);
    }
  }

  /**
   * The image that a client pulls which asks for that blob: of several versions with that layer, the one
   * whose manifest was pulled last. Undefined for a layer of several platforms.
   */
  of(repository: Repository, blob: Digest): PulledImage | undefined {
    const images = [...(this.#byLayer.get(digestKey(repository, blob)) ?? [])];
    const last = images.pop();
    return images.some(({ digest }) => last?.otherPlatforms?.has(digest) !== false) ? undefined : last;
  }
}

/** Without the config: some clients read those of all platforms. */
function layerKeys({ repository, blobs }: PulledImage): readonly string[] {
  return blobs.slice(1).map((layer) => digestKey(repository, layer));
}
