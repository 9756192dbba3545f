import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The names of the files that hold blobs, whole or arriving, in a data folder: {@link hexOf} their digests.
 */
export async function blobFiles(folder: string): Promise<readonly string[]> {
  const entries = await readdir(join(folder, 'blobs'), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

export function hexOf(digest: string): string {
  return digest.replace('sha256:', '');
}
