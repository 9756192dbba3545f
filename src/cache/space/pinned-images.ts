import type { ManifestReference, Repository } from '../../oci/reference.ts';
import type { Evictions } from '../../store/evictions.ts';
import type { Pins } from './pins.ts';

/** Which removals on demand would take away something that is pinned. */
export class PinnedImages {
  readonly #pins: Pick<Pins, 'load' | 'patternOf'>;
  readonly #evictions: Pick<Evictions, 'affected'>;

  constructor(pins: Pick<Pins, 'load' | 'patternOf'>, evictions: Pick<Evictions, 'affected'>) {
    this.#pins = pins;
    this.#evictions = evictions;
  }

  /**
   * The pattern that protects what a reference names, or undefined: a pattern that means it, an image that it is a part of,
   * or a part of it that would go with it. Nothing is protected that is not held. Rejects with StoreError.
   */
  async patternOf(repository: Repository, reference: ManifestReference): Promise<string | undefined> {
    await this.#pins.load();
    for (const { digest, tags } of await this.#evictions.affected(repository, reference)) {
      const pattern = this.#pins.patternOf(repository, tags, digest);
      if (pattern !== undefined) return pattern;
    }
    return undefined;
  }
}
