import type { Clock } from '../../clock.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Repository } from '../../oci/reference.ts';
import type {
  ImageKey,
  Inventory,
  InventoryCounts,
  RepositoryUsage,
  StoredBlob,
  StoredImage,
  StoredPin,
} from '../inventory.ts';
import type { InventoryStatements, RepositoryRow } from './inventory-statements.ts';
import { InventoryWalk, type Position } from './inventory-walk.ts';
import { Slices } from './slices.ts';

/** Does work with the statements of the database that is open now; rejects with StoreError. */
export type Ask = <T>(work: (statements: InventoryStatements) => T) => Promise<T>;

/** Rows that are looked at, or written, between two looks at the time. */
const step = 200;
/** Rows that are counted between two looks at the time; an index has many on a page. */
const countStep = 2000;

/** The inventory of a SQLite database, read in slices between which everything else has its turn. */
export class SqliteInventory implements Inventory {
  readonly #ask: Ask;
  readonly #clock: Clock;
  readonly #checkDatabase: () => Promise<readonly string[]>;

  /** @param checkDatabase looks through all of the database, off this thread */
  constructor(ask: Ask, clock: Clock, checkDatabase: () => Promise<readonly string[]>) {
    this.#ask = ask;
    this.#clock = clock;
    this.#checkDatabase = checkDatabase;
  }

  async images(after: ImageKey | undefined, limit: number): Promise<readonly StoredImage[]> {
    const slices = new Slices();
    const images: StoredImage[] = [];
    let position: Position | undefined;
    for (;;) {
      const from = position;
      position = await this.#ask((statements) => {
        const walk =
          from === undefined ? InventoryWalk.after(statements, after) : InventoryWalk.from(statements, from);
        walk.walk(images, limit, slices);
        return walk.position;
      });
      if (position === undefined || images.length > 0) return images;
      await slices.pause();
    }
  }

  async repositoryUsage(after: Repository | undefined, limit: number): Promise<readonly RepositoryUsage[]> {
    const slices = new Slices();
    const usages: RepositoryUsage[] = [];
    let last: Repository | undefined = after;
    while (usages.length < limit) {
      const [row] = await this.#repositoriesAfter(last, 1);
      if (row === undefined) break;
      last = row;
      const usage = await this.#usageOf(row, slices);
      if (usage.manifests > 0) usages.push(usage);
      if (slices.over && usages.length > 0) break;
      await slices.pause();
    }
    return usages;
  }

  blobs(after: Digest | undefined, limit: number): Promise<readonly StoredBlob[]> {
    return this.#ask(({ blobs }) => blobs.all(after ?? '', Math.min(limit, countStep)));
  }

  dueForVerification(before: number, limit: number): Promise<readonly StoredBlob[]> {
    return this.#ask(({ neverVerified, verifiedBefore }) => {
      const never = neverVerified.all(Math.min(limit, countStep));
      const rest = Math.min(limit, countStep) - never.length;
      return rest === 0 ? never : [...never, ...verifiedBefore.all(before, rest)];
    });
  }

  async putVerified(digests: readonly Digest[], at: number): Promise<void> {
    for (let start = 0; start < digests.length; start += step) {
      await this.#ask(({ setVerified, transact }) => {
        transact(() => {
          for (const digest of digests.slice(start, start + step)) setVerified.run(at, digest);
        });
      });
    }
  }

  pins(): Promise<readonly StoredPin[]> {
    return this.#ask(({ pins }) => pins.all());
  }

  addPin(pattern: string): Promise<void> {
    return this.#ask(({ insertPin }) => {
      insertPin.run(pattern, this.#clock.now());
    });
  }

  removePin(pattern: string): Promise<boolean> {
    return this.#ask(({ deletePin }) => deletePin.run(pattern).changes > 0);
  }

  async counts(): Promise<InventoryCounts> {
    const slices = new Slices();
    let repositories = 0;
    let tags = 0;
    let last: Repository | undefined;
    for (;;) {
      const rows = await this.#repositoriesAfter(last, step);
      for (const { id } of rows) {
        const holds = await this.#ask(({ holdsManifest }) => holdsManifest.get(id) !== undefined);
        if (!holds) continue;
        repositories += 1;
        tags += await this.#count('countTags', id, slices);
      }
      last = rows.at(-1);
      if (last === undefined) break;
    }
    const totals = await this.#ask(({ totals }) => totals.get());
    return { repositories, tags, manifests: totals?.manifests ?? 0, blobs: totals?.blobs ?? 0 };
  }

  integrity(): Promise<readonly string[]> {
    return this.#checkDatabase();
  }

  #repositoriesAfter(after: Repository | undefined, limit: number): Promise<readonly RepositoryRow[]> {
    const { upstream = '', name = '' } = after ?? {};
    return this.#ask(({ nextRepositories }) => nextRepositories.all({ upstream, name, limit }));
  }

  async #usageOf({ id, upstream, name }: RepositoryRow, slices: Slices): Promise<RepositoryUsage> {
    const tags = await this.#count('countTags', id, slices);
    const manifests = await this.#count('countManifests', id, slices);
    let bytes = 0;
    let sharedBytes = 0;
    let after = '';
    for (;;) {
      const start = after;
      const part = await this.#ask(({ sizesOfBlobs }) =>
        sizesOfBlobs.get({ repository: id, after: start, limit: step }),
      );
      if (part === undefined || part.last === null) break;
      bytes += part.bytes;
      sharedBytes += part.sharedBytes;
      after = part.last;
      if (part.count < step) break;
      await slices.pause();
    }
    const repository = { upstream, name };
    return { repository, tags, manifests, bytes, uniqueBytes: bytes - sharedBytes, sharedBytes };
  }

  async #count(what: 'countTags' | 'countManifests', repository: number, slices: Slices): Promise<number> {
    let total = 0;
    let after = '';
    for (;;) {
      const start = after;
      const part = await this.#ask((statements) =>
        statements[what].get({ repository, after: start, limit: countStep }),
      );
      total += part?.count ?? 0;
      if (part === undefined || part.last === null || part.count < countStep) return total;
      after = part.last;
      await slices.pause();
    }
  }
}
