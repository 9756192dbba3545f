import type { Digest } from '../../oci/digest.ts';

/**
 * Pending removals of files. Their digests count as gone, and making such a file again has to wait: else the
 * removal might take the new file.
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
   * Runs `remove`, which says whether there was a file, at once. A second removal of a digest waits for the
   * first, and is false: the file is only counted once.
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
