import type { Digest } from '../../../oci/digest.ts';
import type { Repository } from '../../../oci/reference.ts';
import type { StoredBlob } from '../../content-store.ts';
import type {
  ImageKey,
  Inventory,
  InventoryCounts,
  RepositoryUsage,
  StoredImage,
  StoredPin,
} from '../../inventory.ts';
import type { CurrentStore } from './current-store.ts';

/** The inventory of the store of the moment. */
export class MendingInventory implements Inventory {
  readonly #current: CurrentStore;

  constructor(current: CurrentStore) {
    this.#current = current;
  }

  images(after: ImageKey | undefined, limit: number): Promise<readonly StoredImage[]> {
    return this.#current.ask(({ inventory }) => inventory.images(after, limit));
  }

  repositoryUsage(after: Repository | undefined, limit: number): Promise<readonly RepositoryUsage[]> {
    return this.#current.ask(({ inventory }) => inventory.repositoryUsage(after, limit));
  }

  blobs(after: Digest | undefined, limit: number): Promise<readonly StoredBlob[]> {
    return this.#current.ask(({ inventory }) => inventory.blobs(after, limit));
  }

  dueForVerification(before: number, limit: number): Promise<readonly StoredBlob[]> {
    return this.#current.ask(({ inventory }) => inventory.dueForVerification(before, limit));
  }

  putVerified(digests: readonly Digest[], at: number): Promise<void> {
    return this.#current.ask(({ inventory }) => inventory.putVerified(digests, at));
  }

  pins(): Promise<readonly StoredPin[]> {
    return this.#current.ask(({ inventory }) => inventory.pins());
  }

  addPin(pattern: string): Promise<void> {
    return this.#current.ask(({ inventory }) => inventory.addPin(pattern));
  }

  removePin(pattern: string): Promise<boolean> {
    return this.#current.ask(({ inventory }) => inventory.removePin(pattern));
  }

  counts(): Promise<InventoryCounts> {
    return this.#current.ask(({ inventory }) => inventory.counts());
  }

  integrity(): Promise<readonly string[]> {
    return this.#current.ask(({ inventory }) => inventory.integrity());
  }
}
