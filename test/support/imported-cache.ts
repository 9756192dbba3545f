import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { archiveInputs } from '../../src/archive/read/archive-inputs.ts';
import {
  ArchiveImport,
  type ArchiveImportDeps,
  type ImportedImage,
} from '../../src/cache/transfer/import/archive-import.ts';
import type { Digest } from '../../src/oci/digest.ts';
import type { Tag } from '../../src/oci/reference.ts';
import { tarOf, type Entry } from './archive.ts';
import { CareFixture, repository, type CareFixtureOptions } from './care-fixture.ts';
import type { Image } from './image.ts';
import { TempFolder } from './temp-folder.ts';

/** What an import said. */
export interface Said {
  readonly images: readonly ImportedImage[];
  readonly notes: readonly string[];
  readonly error: string | undefined;
}

/** A cache, and a folder with what is to be imported into it. */
export class ImportedCache implements AsyncDisposable {
  readonly cache: CareFixture;
  readonly folder: TempFolder;

  constructor(cache: CareFixture, folder: TempFolder) {
    this.cache = cache;
    this.folder = folder;
  }

  static async open(options?: CareFixtureOptions): Promise<ImportedCache> {
    return new ImportedCache(await CareFixture.open(options), await TempFolder.create());
  }

  async write(name: string, bytes: Buffer): Promise<string> {
    const path = this.folder.join(name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
    return path;
  }

  async unpack(entries: readonly Entry[]): Promise<string> {
    for (const entry of entries) {
      if ('bytes' in entry) await this.write(`unpacked/${entry.name}`, entry.bytes);
    }
    return this.folder.join('unpacked');
  }

  async import(paths: readonly string[], options: Partial<ArchiveImportDeps> = {}): Promise<Said> {
    const images: ImportedImage[] = [];
    const notes: string[] = [];
    let error: string | undefined;
    const run = new ArchiveImport({
      sink: this.cache.transfer.sink,
      stdin: Readable.from([]),
      as: undefined,
      platforms: 'all',
      pin: false,
      signal: new AbortController().signal,
      onBytes: () => undefined,
      onExpected: () => undefined,
      onNote: (_, problem) => notes.push(problem),
      onImage: (one) => images.push(one),
      ...options,
    });
    try {
      for (const input of await archiveInputs(paths)) await run.run(input);
    } catch (cause) {
      if (!(cause instanceof Error)) throw cause;
      error = cause.message.replaceAll(`${this.folder.path}/`, '');
    }
    return { images, notes, error };
  }

  /** Imports a tar from a file. */
  async importTar(entries: readonly Entry[], options?: Partial<ArchiveImportDeps>): Promise<Said> {
    return this.import([await this.write('app.tar', tarOf(entries))], options);
  }

  async tag(tag = '1', from = repository('library/app')): Promise<Digest | undefined> {
    return (await this.cache.metadata.tag(from, tag as Tag))?.digest;
  }

  /** Whether everything of an image is cached, and none of it damaged. */
  async holds(...images: readonly Image[]): Promise<boolean> {
    for (const { config, layers } of images) {
      for (const { digest } of [config, ...layers]) {
        if ((await this.cache.content.verify(digest)) !== 'intact') return false;
        if ((await this.cache.metadata.blob(digest)) === undefined) return false;
      }
    }
    return true;
  }

  /** What is cached of images and blobs. */
  async isEmpty(): Promise<boolean> {
    const { manifests, blobs } = await this.cache.metadata.inventory.counts();
    return manifests === 0 && blobs === 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cache[Symbol.asyncDispose]();
    await this.folder.remove();
  }
}

/** Bytes in pieces, as a pipe gives them. */
export function piped(bytes: Buffer): AsyncIterable<Uint8Array> {
  const pieces = Array.from({ length: Math.ceil(bytes.length / 70_001) }, (_, at) =>
    bytes.subarray(at * 70_001, (at + 1) * 70_001),
  );
  return Readable.from(pieces);
}
