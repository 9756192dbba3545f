import { open, readdir } from 'node:fs/promises';
import type { Clock } from '../../src/base/clock.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { FilesystemContentStore } from '../../src/store/filesystem/content-store.ts';
import type { MetadataStore } from '../../src/store/metadata-store.ts';
import { openMetadata } from '../../src/store/sqlite/open-metadata.ts';
import { logLines } from './log-lines.ts';
import { TempFolder } from './temp-folder.ts';
import { TestClock } from './test-clock.ts';

/** A data folder whose database a test opens, spoils and opens again. */
export class DataFolder implements AsyncDisposable {
  readonly clock: TestClock = new TestClock();
  readonly log = logLines();
  readonly content: FilesystemContentStore;
  readonly #folder: TempFolder;
  #metadata: MetadataStore | undefined;

  private constructor(folder: TempFolder, content: FilesystemContentStore) {
    this.#folder = folder;
    this.content = content;
  }

  static async create(): Promise<DataFolder> {
    const folder = await TempFolder.create();
    return new DataFolder(folder, await FilesystemContentStore.open(folder.path));
  }

  get path(): string {
    return this.#folder.path;
  }

  /** Path of the database. */
  get database(): string {
    return this.join('metadata.sqlite');
  }

  join(...parts: readonly string[]): string {
    return this.#folder.join(...parts);
  }

  /** What was logged at that level or above, as `level` numbers of pino have it: 40 is a warning. */
  messages(level = 30): readonly unknown[] {
    return this.log.lines.filter((line) => Number(line['level']) >= level).map(({ msg }) => msg);
  }

  /** Opens the metadata, after closing it if need be. */
  async open(clock: Clock = this.clock): Promise<MetadataStore> {
    await this.close();
    const { content } = this;
    const { logger } = this.log;
    this.#metadata = await openMetadata({
      root: this.path,
      content,
      clock,
      logger,
      onTrouble: (error) => {
        logger.warn({ code: error.code }, 'trouble');
      },
    });
    return this.#metadata;
  }

  async close(): Promise<void> {
    await this.#metadata?.close();
    this.#metadata = undefined;
  }

  /** Puts a blob where committed ones lie. */
  async putFile(digest: Digest, bytes: Buffer): Promise<void> {
    const ingest = await this.content.ingest(digest);
    await ingest.write([bytes]);
    await ingest.commit();
    await ingest.close();
  }

  /** Names of the databases that were put aside, in their order. */
  async damaged(): Promise<readonly string[]> {
    const names = await readdir(this.path);
    return names.filter((name) => /\.damaged-[0-9TZ-]+$/.test(name)).toSorted();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    await this.content.close();
    await this.#folder.remove();
  }
}

/** Writes bytes over a part of a file. */
export async function overwrite(file: string, position: number, bytes: Uint8Array): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    await handle.write(bytes, 0, bytes.length, position);
  } finally {
    await handle.close();
  }
}
