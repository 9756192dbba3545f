import type { Digest } from '../../oci/digest.ts';

/**
 * The files that are on their way out. From the call that starts a removal until it is settled, its digest counts as
 * gone, and whoever wants to make the file again waits: else the removal might take the new file.
 */
export class Removals {
  readonly #underWay = new Map<Digest, Promise<boolean>>();
  #begun = 0;

  /** How many removals were begun so far. */
  get begun(): number {
    return this.#begun;
  }

  has(digest: Digest): boolean {
    return this.#underWay.has(digest);
  }

  /** Resolves when no removal of the digest is under way; never rejects. */
  async settled(digest: Digest): Promise<void> {
    await this.#underWay.get(digest)?.catch(() => undefined);
  }

  /**
   * Runs `remove`, which says whether there was a file, at once. Where a removal of the digest is under way already, its
   * outcome is the outcome of this one, save that the file is only counted once.
   */
  async run(digest: Digest, remove: () => Promise<boolean>): Promise<boolean> {
    this.#begun += 1;
    const before = this.#underWay.get(digest);
    if (before !== undefined) {
      await before;
      return false;
    }
    const removal = remove().finally(() => this.#underWay.delete(digest));
    this.#underWay.set(digest, removal);
    return removal;
  }
}
