import type { Stats } from 'node:fs';
import { mkdir, open, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf, fileError, unlessMissing } from './file-error.ts';

/** Makes renames in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r');
  await handle.sync();
}

/**
 * Creates a folder and its parents, durably. `recursive` of Node 24's `mkdir` never ends where the kernel
 * answers ENOENT although the parent exists, as in /proc.
 */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await makeOneFolder(folder);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' || dirname(folder) === folder) throw error;
    await makeFolder(dirname(folder));
    await makeOneFolder(folder);
  }
}

async function makeOneFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return;
    throw error;
  }
  await syncFolder(dirname(folder));
}

/** Runs `operation`, which needs `folder`; creates that and tries again when it is missing. */
export async function inFolder<T>(folder: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    await makeFolder(folder);
    return operation();
  }
}

/** Renames a file, creating the target folder if need be. Durable after {@link syncFolder} of that folder. */
export async function moveFile(
  from: string,
  to: string,
  files: { rename(from: string, to: string): Promise<void> },
): Promise<void> {
  await inFolder(dirname(to), () => files.rename(from, to));
}

/** Removes a file; false when there was none. */
export async function removeFile(
  path: string,
  files: { unlink(path: string): Promise<void> },
): Promise<boolean> {
  return (await unlessMissing(files.unlink(path).then(() => true))) ?? false;
}

/** The names in a folder; none when there is no such folder. */
export async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return [];
    throw error;
  }
}

/** A file whose name says something. */
interface NamedFile<T> {
  readonly name: T;
  readonly path: string;
  readonly stats: Stats;
}

/** The files of a folder whose names `parse` makes sense of. Rejects with StoreError. */
export async function* filesIn<T>(
  folder: string,
  parse: (name: string) => T | undefined,
  doing: string,
): AsyncGenerator<NamedFile<T>> {
  try {
    for (const each of await namesIn(folder)) {
      const name = parse(each);
      if (name === undefined) continue;
      const path = join(folder, each);
      const stats = await unlessMissing(stat(path));
      if (stats !== undefined) yield { name, path, stats };
    }
  } catch (cause) {
    throw fileError(doing, cause);
  }
}
