import { digestOf, type Digest } from '../../../src/oci/digest.ts';
import type { ContentStore, Ingest } from '../../../src/store/content-store.ts';
import { noise } from '../../support/image.ts';
import type { TestClock } from '../../support/test-clock.ts';

/** A store to try, empty at first. */
interface ContentStoreUnderTest extends AsyncDisposable {
  readonly store: ContentStore;
  readonly clock: TestClock;
  /** The same content through a new store, as after a crash of the process. */
  reopen(): Promise<ContentStore>;
  /** Changes a bit in a committed blob, as a bad disk does. */
  spoil(digest: Digest): Promise<void>;
}

/** Gives a fresh, empty store. */
export type MakeContentStore = () => Promise<ContentStoreUnderTest>;

export const bytes = noise(300_000, 'contract');
export const digest = digestOf(bytes);

export async function put(store: ContentStore, content: Buffer): Promise<Digest> {
  const name = digestOf(content);
  const ingest = await store.ingest(name);
  await ingest.write([content]);
  await ingest.commit();
  await ingest.close();
  return name;
}

/** Leaves the first part of the blob as a partial one. */
export async function suspended(store: ContentStore, part: Buffer): Promise<void> {
  const ingest = await store.ingest(digest);
  await ingest.write([part]);
  await ingest.suspend();
  await ingest.close();
}

/** Writes what is missing of the blob, and commits it. */
export async function finish(ingest: Ingest): Promise<void> {
  await ingest.write([bytes.subarray(ingest.offset)]);
  await ingest.commit();
}

export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
