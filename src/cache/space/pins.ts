import type { Digest } from '../../oci/digest.ts';
import type { Repository, Tag } from '../../oci/reference.ts';
import type { Inventory } from '../../store/inventory.ts';
import type { NamedUpstream, Routing } from '../../oci/routing.ts';
import { imagePattern, type ImagePattern } from './pin-pattern.ts';

/** What people may write for a repository. */
export type WrittenNames = Pick<Routing<NamedUpstream>, 'writtenNames'>;

/** Which images are exempt from eviction, by the configuration or by command. In memory, for evictions. */
export class Pins {
  readonly #inventory: Inventory;
  readonly #names: WrittenNames;
  readonly #configured: ReadonlyMap<string, ImagePattern>;
  readonly #added = new Map<string, ImagePattern>();
  #loaded = false;

  /**
   * @param configured patterns as {@link imagePattern} takes them
   * @throws SyntaxError
   */
  constructor(inventory: Inventory, configured: readonly string[], names: WrittenNames) {
    this.#inventory = inventory;
    this.#names = names;
    this.#configured = new Map(configured.map((pattern) => [pattern, imagePattern(pattern)]));
  }

  /** The patterns of the configuration. */
  get configured(): readonly string[] {
    return [...this.#configured.keys()];
  }

  /** Reads what was pinned by command, once. Nothing may be evicted before that. Rejects with StoreError. */
  async load(): Promise<void> {
    if (this.#loaded) return;
    const stored = await this.#inventory.pins();
    for (const { pattern } of stored) this.#added.set(pattern, imagePattern(pattern));
    this.#loaded = true;
  }

  /**
   * Pins by command. Rejects with StoreError.
   * @throws SyntaxError for what is no pattern
   */
  async add(pattern: string): Promise<void> {
    const compiled = imagePattern(pattern);
    await this.#inventory.addPin(pattern);
    this.#added.set(pattern, compiled);
  }

  /**
   * A pattern was pinned in the database.
   * @throws SyntaxError for what is no pattern
   */
  added(pattern: string): void {
    this.#added.set(pattern, imagePattern(pattern));
  }

  /** Reverts {@link add}; false when there was no such pin. */
  async remove(pattern: string): Promise<boolean> {
    const removed = await this.#inventory.removePin(pattern);
    this.#added.delete(pattern);
    return removed;
  }

  /** The first pattern that exempts an image, or undefined. */
  patternOf(repository: Repository, tags: readonly Tag[], digest: Digest): string | undefined {
    if (this.#configured.size + this.#added.size === 0) return undefined;
    const names = this.#names.writtenNames(repository);
    for (const patterns of [this.#configured, this.#added]) {
      for (const [pattern, matches] of patterns) if (matches(names, tags, digest)) return pattern;
    }
    return undefined;
  }
}
