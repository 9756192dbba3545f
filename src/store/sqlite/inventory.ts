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
import type { Connection } from './connection.ts';
import { InventoryStatements, type RepositoryRow } from './inventory-statements.ts';
import { InventoryWalk, type Position } from './inventory-walk.ts';
import { onDatabaseThread } from './recovery/database-thread.ts';
import { TimeSlice } from './time-slice.ts';

/** Rows that are looked at, or written, between two looks at the time. */
const step = 100;
/** Rows that are counted between two looks at the time; an index has many on a page. */
const countStep = 2000;

/** The inventory of a SQLite database, read in slices between which everything else has its turn. */
export class SqliteInventory implements Inventory {
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #statements: InventoryStatements;

  constructor(connection: Connection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
    this.#statements = new InventoryStatements(connection.database);
  }

  async images(after: ImageKey | undefined, limit: number): Promise<readonly StoredImage[]> {
    const images: StoredImage[] = [];
    const statements = this.#statements;
    let position: Position | undefined;
    do {
      const from = position;
      position = await this.#inTurn(() => {
        const walk =
          from === undefined ? InventoryWalk.after(statements, after) : InventoryWalk.from(statements, from);
        walk.walk(images, limit, new TimeSlice(this.#clock));
        return walk.position;
      });
    } while (position !== undefined && images.length === 0);
    return images;
  }

  async repositoryUsage(after: Repository | undefined, limit: number): Promise<readonly RepositoryUsage[]> {
    for (let last = after; ;) {
      const rows = await this.#repositoriesAfter(last, Math.min(limit, step));
      const usages: RepositoryUsage[] = [];
      for (const row of rows) usages.push(await this.#usageOf(row));
      const holding = usages.filter(({ manifests }) => manifests > 0);
      if (rows.length === 0 || holding.length > 0) return holding;
      last = rows.at(-1);
    }
  }

  blobs(after: Digest | undefined, limit: number): Promise<readonly StoredBlob[]> {
    return this.#inTurn(() => this.#statements.blobs.all(after ?? '', Math.min(limit, countStep)));
  }

  dueForVerification(before: number, limit: number): Promise<readonly StoredBlob[]> {
    const { neverVerified, verifiedBefore } = this.#statements;
    return this.#inTurn(() => {
      const never = neverVerified.all(Math.min(limit, countStep));
      const rest = Math.min(limit, countStep) - never.length;
      return rest === 0 ? never : [...never, ...verifiedBefore.all(before, rest)];
    });
  }

  async putVerified(digests: readonly Digest[], at: number): Promise<void> {
    const { setVerified } = this.#statements;
    for (let start = 0; start < digests.length; start += step) {
      await turn();
      await this.#connection.write(() => {
        for (const digest of digests.slice(start, start + step)) setVerified.run(at, digest);
      });
    }
  }

  pins(): Promise<readonly StoredPin[]> {
    return this.#connection.answer(() => this.#statements.pins.all());
  }

  addPin(pattern: string): Promise<void> {
    return this.#connection.write(() => {
      this.#statements.insertPin.run(pattern, this.#clock.now());
    });
  }

  removePin(pattern: string): Promise<boolean> {
    return this.#connection.write(() => this.#statements.deletePin.run(pattern).changes > 0);
  }

  async counts(): Promise<InventoryCounts> {
    const { holdsManifest, totals } = this.#statements;
    let repositories = 0;
    let tags = 0;
    let last: Repository | undefined;
    do {
      const rows = await this.#repositoriesAfter(last, step);
      for (const { id } of rows) {
        if (!(await this.#inTurn(() => holdsManifest.get(id) !== undefined))) continue;
        repositories += 1;
        tags += await this.#count('countTags', id);
      }
      last = rows.at(-1);
    } while (last !== undefined);
    const held = await this.#connection.answer(() => totals.get());
    return { repositories, tags, manifests: held?.manifests ?? 0, blobs: held?.blobs ?? 0 };
  }

  integrity(): Promise<readonly string[]> {
    return onDatabaseThread({ job: 'check', file: this.#connection.database.name });
  }

  #repositoriesAfter(after: Repository | undefined, limit: number): Promise<readonly RepositoryRow[]> {
    const { upstream = '', name = '' } = after ?? {};
    return this.#inTurn(() => this.#statements.nextRepositories.all({ upstream, name, limit }));
  }

  async #usageOf({ id, upstream, name }: RepositoryRow): Promise<RepositoryUsage> {
    const tags = await this.#count('countTags', id);
    const manifests = await this.#count('countManifests', id);
    let bytes = 0;
    let sharedBytes = 0;
    for (let after: string | null = ''; after !== null;) {
      const start: string = after;
      const part = await this.#inTurn(() =>
        this.#statements.sizesOfBlobs.get({ repository: id, after: start, limit: step }),
      );
      bytes += part?.bytes ?? 0;
      sharedBytes += part?.sharedBytes ?? 0;
      after = part?.last ?? null;
    }
    const repository = { upstream, name };
    return { repository, tags, manifests, bytes, uniqueBytes: bytes - sharedBytes, sharedBytes };
  }

  async #count(what: 'countTags' | 'countManifests', repository: number): Promise<number> {
    let total = 0;
    for (let after: string | null = ''; after !== null;) {
      const start: string = after;
      const part = await this.#inTurn(() =>
        this.#statements[what].get({ repository, after: start, limit: countStep }),
      );
      total += part?.count ?? 0;
      after = part?.last ?? null;
    }
    return total;
  }

  /** Each page waits for its turn, so that whoever asks for one after the other does not keep the event loop from the rest. */
  async #inTurn<T>(work: () => T): Promise<T> {
    await turn();
    return this.#connection.answer(work);
  }
}
