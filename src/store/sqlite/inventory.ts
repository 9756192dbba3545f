import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../../base/clock.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Repository } from '../../oci/reference.ts';
import type { StoredBlob } from '../content-store.ts';
import type {
  ImageKey,
  Inventory,
  InventoryCounts,
  RepositoryUsage,
  StoredImage,
  StoredPin,
} from '../inventory.ts';
import type { Counted, CountStatement, InventoryStatements } from './inventory-statements.ts';
import type { MetadataDatabase } from './metadata-database.ts';
import { onDatabaseThread } from './database-thread.ts';
import type { RepositoryRow } from './statements.ts';
import { TimeSlice } from './time-slice.ts';

/** Rows that are looked at, or written, between two looks at the time. */
const step = 100;
/** Rows that are counted between two looks at the time; an index has many on a page. */
const countStep = 2000;

/** The inventory of a SQLite database, read in slices between which everything else has its turn. */
export class SqliteInventory implements Inventory {
  readonly #database: MetadataDatabase;
  readonly #clock: Clock;

  constructor(database: MetadataDatabase, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  async images(after: ImageKey | undefined, limit: number): Promise<readonly StoredImage[]> {
    const images: StoredImage[] = [];
    const candidates = this.#database.pinned().inventory.images.after(after);
    let done = false;
    while (!done && images.length === 0) {
      done = await this.#inTurn(() => {
        const slice = new TimeSlice(this.#clock);
        while (images.length < limit && !slice.isOver) {
          const next = candidates.next();
          if (next.done === true) return true;
          if (next.value !== undefined) images.push(next.value);
        }
        return false;
      });
    }
    return images;
  }

  async repositoryUsage(after: Repository | undefined, limit: number): Promise<readonly RepositoryUsage[]> {
    const { inventory } = this.#database.pinned();
    for (let last = after; ;) {
      const rows = await this.#repositoriesAfter(inventory, last, Math.min(limit, step));
      const usages: RepositoryUsage[] = [];
      for (const row of rows) usages.push(await this.#usageOf(inventory, row));
      const holding = usages.filter(({ manifests }) => manifests > 0);
      if (rows.length === 0 || holding.length > 0) return holding;
      last = rows.at(-1);
    }
  }

  blobs(after: Digest | undefined, limit: number): Promise<readonly StoredBlob[]> {
    return this.#inTurn(({ blobs }) => blobs.all(after ?? '', Math.min(limit, countStep)));
  }

  dueForVerification(before: number, limit: number): Promise<readonly StoredBlob[]> {
    return this.#inTurn(({ neverVerified, verifiedBefore }) => {
      const never = neverVerified.all(Math.min(limit, countStep));
      const rest = Math.min(limit, countStep) - never.length;
      return rest === 0 ? never : [...never, ...verifiedBefore.all(before, rest)];
    });
  }

  async putVerified(digests: readonly Digest[], at: number): Promise<void> {
    for (let start = 0; start < digests.length; start += step) {
      await turn();
      await this.#database.write(({ inventory }) => {
        for (const digest of digests.slice(start, start + step)) inventory.setVerified.run(at, digest);
      });
    }
  }

  pins(): Promise<readonly StoredPin[]> {
    return this.#database.read(({ inventory }) => inventory.pins.all());
  }

  addPin(pattern: string): Promise<void> {
    return this.#database.write(({ inventory }) => {
      inventory.insertPin.run(pattern, this.#clock.now());
    });
  }

  removePin(pattern: string): Promise<boolean> {
    return this.#database.write(({ inventory }) => inventory.deletePin.run(pattern).changes > 0);
  }

  async counts(): Promise<InventoryCounts> {
    const { inventory } = this.#database.pinned();
    let repositories = 0;
    let tags = 0;
    let last: Repository | undefined;
    do {
      const rows = await this.#repositoriesAfter(inventory, last, step);
      for (const { id } of rows) {
        if (!(await this.#inTurn(() => inventory.holdsManifest.get(id) !== undefined))) continue;
        repositories += 1;
        tags += await this.#count(inventory.countTags, id);
      }
      last = rows.at(-1);
    } while (last !== undefined);
    const held = await this.#inTurn(() => inventory.totals.get());
    return { repositories, tags, manifests: held?.manifests ?? 0, blobs: held?.blobs ?? 0 };
  }

  integrity(): Promise<readonly string[]> {
    return this.#database.read(({ connection }) =>
      onDatabaseThread({ job: 'check', file: connection.database.name }),
    );
  }

  #repositoriesAfter(
    { nextRepositories }: InventoryStatements,
    after: Repository | undefined,
    limit: number,
  ): Promise<readonly RepositoryRow[]> {
    const { upstream = '', name = '' } = after ?? {};
    return this.#inTurn(() => nextRepositories.all({ upstream, name, limit }));
  }

  async #usageOf(
    { countTags, countManifests, sizesOfBlobs }: InventoryStatements,
    { id, upstream, name }: RepositoryRow,
  ): Promise<RepositoryUsage> {
    const tags = await this.#count(countTags, id);
    const manifests = await this.#count(countManifests, id);
    let bytes = 0;
    let sharedBytes = 0;
    for await (const part of this.#parts(sizesOfBlobs, id, step)) {
      bytes += part.bytes;
      sharedBytes += part.sharedBytes;
    }
    const repository = { upstream, name };
    return { repository, tags, manifests, bytes, uniqueBytes: bytes - sharedBytes, sharedBytes };
  }

  async #count(statement: CountStatement<Counted>, repository: number): Promise<number> {
    let total = 0;
    for await (const { count } of this.#parts(statement, repository, countStep)) total += count;
    return total;
  }

  async *#parts<T extends Counted>(
    statement: CountStatement<T>,
    repository: number,
    limit: number,
  ): AsyncGenerator<T> {
    for (let after: string | null = ''; after !== null;) {
      const start: string = after;
      const part: T | undefined = await this.#inTurn(() =>
        statement.get({ repository, after: start, limit }),
      );
      if (part !== undefined) yield part;
      after = part?.last ?? null;
    }
  }

  /** Each page waits for a turn of the event loop: reading page after page must not block it. */
  async #inTurn<T>(work: (statements: InventoryStatements) => T): Promise<Awaited<T>> {
    await turn();
    return this.#database.read(({ inventory }) => work(inventory));
  }
}
