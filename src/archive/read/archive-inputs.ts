import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ArchiveError } from './archive-error.ts';

/** One archive, as it lies on the disk. */
export type ArchiveInput =
  | { readonly kind: 'stdin' }
  | { readonly kind: 'folder'; readonly path: string }
  /** The root folder of a containerd. */
  | { readonly kind: 'containerd'; readonly path: string }
  /** Its parts in their order; a single file has one. */
  | { readonly kind: 'file'; readonly name: string; readonly paths: readonly string[] };

/** As its user calls it. */
export function inputName(input: ArchiveInput): string {
  switch (input.kind) {
    case 'stdin':
      return 'standard input';
    case 'folder':
    case 'containerd':
      return input.path;
    case 'file':
      return input.name;
  }
}

/** What is looked for in a folder of archives. */
const archiveName = /\.(?:tar|tar\.gz|tgz|tar\.zst|tzst|oci)(?:\.\d{3,})?$/u;

const partName = /^(.+)\.(\d{3,})$/u;

/**
 * The archives that files and folders stand for. A part stands for all parts beside it; a folder that is no image for
 * the archives in it.
 * @throws {ArchiveError} for what is not there, and where a part is missing
 */
export async function archiveInputs(paths: readonly string[]): Promise<readonly ArchiveInput[]> {
  const inputs: ArchiveInput[] = [];
  const files: string[] = [];
  for (const path of paths) {
    const [, node] = /^containerd:(.+)$/u.exec(path) ?? [];
    if (path === '-') inputs.push({ kind: 'stdin' });
    else if (node !== undefined) inputs.push({ kind: 'containerd', path: node });
    else if (!(await isFolder(path))) files.push(path);
    else if (await holdsImage(path)) inputs.push({ kind: 'folder', path });
    else files.push(...(await archivesIn(path)));
  }
  return [...inputs, ...(await joined(files))];
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (cause) {
    const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    throw new ArchiveError(path, undefined, isMissing ? 'does not exist' : 'cannot be read', { cause });
  }
}

async function holdsImage(folder: string): Promise<boolean> {
  const names = new Set(await namesIn(folder));
  return ['index.json', 'manifest.json', 'oci-layout', 'repositories'].some((name) => names.has(name));
}

async function archivesIn(folder: string): Promise<readonly string[]> {
  const found = (await namesIn(folder)).filter((name) => archiveName.test(name));
  if (found.length === 0) {
    throw new ArchiveError(
      folder,
      undefined,
      'holds no images: it is no image layout, and has no .tar in it',
    );
  }
  return found.map((name) => join(folder, name));
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).toSorted();
  } catch (cause) {
    throw new ArchiveError(folder, undefined, 'cannot be read', { cause });
  }
}

/** Joins the parts of a file, wherever they lie; each file once. */
async function joined(files: readonly string[]): Promise<readonly ArchiveInput[]> {
  const wholes = new Map<string, Map<number, string>>();
  const inputs = new Map<string, ArchiveInput>();
  for (const path of files) {
    const [, name, number] = partName.exec(path) ?? [];
    if (name === undefined || number === undefined) {
      inputs.set(path, { kind: 'file', name: path, paths: [path] });
      continue;
    }
    const parts = wholes.get(basename(name)) ?? new Map<number, string>();
    // In the order in which they are given: an earlier bundle stands before the one that needs it.
    if (!wholes.has(basename(name))) inputs.set(basename(name), { kind: 'file', name, paths: [] });
    wholes.set(basename(name), parts);
    // Given ones count before those that only lie beside them.
    for (const beside of await partsBeside(name))
      parts.set(beside.number, parts.get(beside.number) ?? beside.path);
    parts.set(Number(number), path);
  }
  for (const [name, parts] of wholes) inputs.set(name, { kind: 'file', name, paths: inOrder(name, parts) });
  return [...inputs.values()];
}

async function partsBeside(
  name: string,
): Promise<readonly { readonly number: number; readonly path: string }[]> {
  const folder = dirname(name);
  return (await namesIn(folder)).flatMap((found) => {
    const [, whole, number] = partName.exec(found) ?? [];
    return whole === basename(name) ? [{ number: Number(number), path: join(folder, found) }] : [];
  });
}

function inOrder(name: string, parts: ReadonlyMap<number, string>): readonly string[] {
  // Tools that split begin with 1, or with 0.
  const first = parts.has(0) ? 0 : 1;
  const paths = Array.from({ length: parts.size }, (_, index) => parts.get(first + index));
  const missing = paths.indexOf(undefined);
  if (missing >= 0) {
    throw new ArchiveError(name, undefined, `lacks its part ${String(first + missing).padStart(3, '0')}`);
  }
  return paths.filter((path) => path !== undefined);
}
