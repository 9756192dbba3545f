import { open, readFile, rename, rm, stat, statfs, utimes } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { unlessMissing } from '../../file-error.ts';
import { namesIn, syncFolder } from '../../folder.ts';

/** Damaged databases that are kept. */
const kept = 2;
/** What SQLite keeps beside a database. */
const companions = ['-wal', '-shm', '-journal'];
const damagedName = /^metadata\.sqlite\.damaged-[0-9]{8}T[0-9]{6}Z(?:-[0-9]+)?$/;

/**
 * The metadata database in a data folder, `metadata.sqlite`; its backup, `metadata.backup.sqlite`; and
 * damaged ones, `metadata.sqlite.damaged-<UTC time>`. During a rebuild, `metadata.rebuilding` names the one
 * being read, so that a crash does not lose track of it.
 */
export class DatabaseFiles {
  readonly database: string;
  readonly backup: string;
  /** A copy that is not checked yet. */
  readonly newBackup: string;
  /** A database that is not finished yet. */
  readonly rebuilt: string;
  readonly #folder: string;
  readonly #marker: string;

  /** @param root the data folder */
  constructor(root: string) {
    this.#folder = resolve(root);
    this.database = join(this.#folder, 'metadata.sqlite');
    this.backup = join(this.#folder, 'metadata.backup.sqlite');
    this.newBackup = join(this.#folder, 'metadata.backup.new.sqlite');
    this.rebuilt = join(this.#folder, 'metadata.rebuilt.sqlite');
    this.#marker = join(this.#folder, 'metadata.rebuilding');
  }

  /** Bytes of the database; undefined when there is none. */
  async size(): Promise<number | undefined> {
    return (await unlessMissing(stat(this.database)))?.size;
  }

  /** Whether a rebuild has begun and not ended. */
  async isRebuilding(): Promise<boolean> {
    return (await unlessMissing(stat(this.#marker))) !== undefined;
  }

  /**
   * Puts a damaged database aside and notes that it is being rebuilt. One that an interrupted rebuild put
   * aside stays. Returns paths of what can be read, the best one first.
   * @param now milliseconds since the epoch
   */
  async setAside(now: number): Promise<readonly string[]> {
    const interrupted = await this.#interrupted();
    const present = (await this.size()) !== undefined;
    const aside = present ? await this.#freeName(now) : interrupted;
    await this.#mark(aside);
    if (aside !== undefined) {
      for (const companion of ['', ...companions]) {
        await unlessMissing(rename(this.database + companion, aside + companion));
      }
    }
    // What is left of a database that is not there any more would spoil the next one.
    await remove(this.database);
    await remove(this.rebuilt);
    await syncFolder(this.#folder);
    await this.#prune(aside);
    return this.sources();
  }

  /** What a rebuild reads, the best one first. */
  async sources(): Promise<readonly string[]> {
    const aside = await this.#interrupted();
    const paths = aside === undefined ? [this.backup] : [aside, this.backup];
    const found = await Promise.all(paths.map((path) => unlessMissing(stat(path))));
    return paths.filter((_, index) => found[index] !== undefined);
  }

  /** Puts the database that was rebuilt in its place, durably. */
  async install(): Promise<void> {
    await moveDurably(this.rebuilt, this.database, this.#folder);
  }

  /** The rebuild is over. */
  async forgetRebuild(): Promise<void> {
    await rm(this.#marker, { force: true });
    await syncFolder(this.#folder);
  }

  /** When the database last changed, in milliseconds since the epoch by the file system's clock. */
  async changedAt(): Promise<number> {
    const files = await Promise.all(
      [this.database, `${this.database}-wal`].map((path) => unlessMissing(stat(path))),
    );
    return Math.max(...files.map((file) => file?.mtimeMs ?? 0));
  }

  /** When the database that the backup shows had last changed; undefined without a backup. */
  async backedUpAt(): Promise<number | undefined> {
    return (await unlessMissing(stat(this.backup)))?.mtimeMs;
  }

  /** Whether the disk has room for another copy of the database, and for more besides. */
  async hasRoomForBackup(): Promise<boolean> {
    const { bavail, bsize } = await statfs(this.#folder);
    const wal = await unlessMissing(stat(`${this.database}-wal`));
    const needed = ((await this.size()) ?? 0) + (wal?.size ?? 0);
    return bavail * bsize > 1.25 * needed + 64 * 1024 * 1024;
  }

  /** Makes the new copy the backup, durably. @param changedAt as {@link changedAt} was before it was made */
  async keepBackup(changedAt: number): Promise<void> {
    await utimes(this.newBackup, changedAt / 1000, changedAt / 1000);
    await moveDurably(this.newBackup, this.backup, this.#folder);
  }

  async discardBackup(): Promise<void> {
    await remove(this.newBackup);
  }

  /** The path that the mark names. */
  async #interrupted(): Promise<string | undefined> {
    const name = await unlessMissing(readFile(this.#marker, 'utf8'));
    return name !== undefined && damagedName.test(name) ? join(this.#folder, name) : undefined;
  }

  async #mark(aside: string | undefined): Promise<void> {
    {
      await using handle = await open(this.#marker, 'w');
      await handle.writeFile(aside === undefined ? '' : basename(aside));
      await handle.sync();
    }
    await syncFolder(this.#folder);
  }

  async #freeName(now: number): Promise<string> {
    const time = new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, '');
    const name = `${this.database}.damaged-${time}`;
    const taken = new Set(await namesIn(this.#folder));
    for (let number = 2; ; number += 1) {
      const candidate = number === 2 ? name : `${name}-${number - 1}`;
      if (!taken.has(basename(candidate))) return candidate;
    }
  }

  async #prune(aside: string | undefined): Promise<void> {
    const names = (await namesIn(this.#folder)).filter((name) => damagedName.test(name));
    const others = names.map((name) => join(this.#folder, name)).filter((path) => path !== aside);
    const keep = aside === undefined ? kept : kept - 1;
    for (const path of others.toSorted().slice(0, -keep)) await remove(path);
  }
}

/** Removes a database with what SQLite keeps beside it. */
async function remove(database: string): Promise<void> {
  for (const companion of ['', ...companions]) await rm(database + companion, { force: true });
}

async function moveDurably(from: string, to: string, folder: string): Promise<void> {
  {
    await using handle = await open(from, 'r');
    await handle.sync();
  }
  await rename(from, to);
  await syncFolder(folder);
}
