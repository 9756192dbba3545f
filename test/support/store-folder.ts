import { readdir } from 'node:fs/promises';
import { Layout } from '../../src/store/filesystem/layout.ts';
import { eventually } from './deadline.ts';

/** The names of partial blobs in a data folder. */
export async function partialBlobs(root: string): Promise<readonly string[]> {
  const layout = new Layout(root);
  const names = await readdir(layout.ingest);
  return names.filter((name) => layout.partialDigest(name) !== undefined);
}

/** The names of committed blobs in a data folder. */
export async function committedBlobs(root: string): Promise<readonly string[]> {
  const entries = await readdir(new Layout(root).blobs, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

/**
 * Waits for fills to end: a client has its last byte a moment before the blob is flushed and in its place.
 */
export async function noPartialBlobs(root: string, ms = 20_000): Promise<void> {
  await eventually(ms, 'the end of partial blobs', async () => (await partialBlobs(root)).length === 0);
}
