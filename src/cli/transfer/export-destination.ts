import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';

/** Where archives go: a file each in a folder, all into one file, or to the standard output. */
export type ExportDestination =
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'file'; readonly folder: string; readonly name: string }
  | { readonly kind: 'stdout' };

/** What `-o` means; undefined for what could be either a folder or a file. */
export async function exportDestination(output: string): Promise<ExportDestination | undefined> {
  if (output === '-') return { kind: 'stdout' };
  const isFolder = await stat(output).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
  if (isFolder || /[/\\]$/.test(output)) return { kind: 'folder', path: output };
  if (!output.endsWith('.tar')) return undefined;
  return { kind: 'file', folder: dirname(output), name: basename(output, '.tar') };
}
