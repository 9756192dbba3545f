import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BadFile } from './bad-file.ts';

/** The files of one folder. */
export interface FolderFiles {
  readonly path: string;
  /** Sorted; regular files and links to such. */
  readonly names: readonly string[];
}

/** Entries of all folders together; a home folder by mistake has more. */
const maxEntries = 200_000;

/** Hidden folders with files that name images. */
const shownFolders: ReadonlySet<string> = new Set(['.github', '.devcontainer']);

/**
 * A folder and those below it, in order; `node_modules` and hidden folders are left out but for `.github` and
 * `.devcontainer`, and links to folders are not followed.
 * @throws {BadFile}
 */
export async function foldersBelow(root: string): Promise<readonly FolderFiles[]> {
  const folders: FolderFiles[] = [];
  const waiting = [root];
  let count = 0;
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const entries = await entriesOf(path);
    count += entries.length;
    if (count > maxEntries) {
      throw new BadFile({ file: root, line: undefined, message: `has more than ${maxEntries} files in it` });
    }
    const names: string[] = [];
    for (const entry of entries) if (await isFile(path, entry)) names.push(entry.name);
    folders.push({ path, names });
    const below = entries.filter((entry) => entry.isDirectory() && isShown(entry.name));
    for (const { name } of below.reverse()) waiting.push(join(path, name));
  }
  return folders;
}

/**
 * The names in a folder, in order; undefined where there is no such folder.
 * @throws {BadFile}
 */
export async function listFolder(path: string): Promise<readonly string[] | undefined> {
  const isFolder = await stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
  return isFolder ? (await entriesOf(path)).map(({ name }) => name) : undefined;
}

async function entriesOf(path: string): Promise<Dirent[]> {
  try {
    return (await readdir(path, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    const message = `cannot be read: ${(error as Error).message}`;
    throw new BadFile({ file: path, line: undefined, message }, { cause: error });
  }
}

async function isFile(folder: string, entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isFile();
  // A link that leads nowhere is no file.
  return await stat(join(folder, entry.name)).then(
    (target) => target.isFile(),
    () => false,
  );
}

function isShown(name: string): boolean {
  return name !== 'node_modules' && (!name.startsWith('.') || shownFolders.has(name));
}
