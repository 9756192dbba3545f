import type { Digest } from '../../oci/digest.ts';
import { digestKey, type Repository } from '../../oci/reference.ts';
import type { Claims } from '../entitlement.ts';
import type { Venture } from './venture.ts';

/** An image whose manifest a client has got, and with which rights. */
export interface PulledImage {
  readonly repository: Repository;
  readonly digest: Digest;
  readonly claims: Claims;
  /** The config, then the layers from the lowest on. */
  readonly blobs: readonly Digest[];
  readonly venture: Venture;
}

/** The images that no client has asked a layer of yet, by their layers. Those of another repository are other images. */
export class Unasked {
  readonly #byLayer = new Map<string, Set<PulledImage>>();

  add(image: PulledImage): void {
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

  /** The image that a client pulls who asks for that blob; undefined for a layer of several, which may be either's. */
  of(repository: Repository, blob: Digest): PulledImage | undefined {
    const [image, ...others] = this.#byLayer.get(digestKey(repository, blob)) ?? [];
    return others.length === 0 ? image : undefined;
  }
}

/** Without the config: some clients read those of all platforms. */
function layerKeys({ repository, blobs }: PulledImage): readonly string[] {
  return blobs.slice(1).map((layer) => digestKey(repository, layer));
}
