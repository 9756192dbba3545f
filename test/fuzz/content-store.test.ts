import { appendFile, readFile, truncate, unlink, writeFile } from 'node:fs/promises';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { digestOf, type Digest } from '../../src/oci/digest.ts';
import type { Ingest } from '../../src/store/content-store.ts';
import { StoreError } from '../../src/store/store-error.ts';
import { FilesystemContentStore } from '../../src/store/filesystem/content-store.ts';
import { Layout } from '../../src/store/filesystem/layout.ts';
import { noise } from '../support/image.ts';
import { blobBytes, readAll } from '../support/stored-blob.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { repeats } from '../support/depth.ts';

/** What happens to a blob's partial file, or to its ingest, on the way to a commit. */
type Step =
  | { readonly kind: 'write'; readonly sizes: readonly number[] }
  | { readonly kind: 'suspend' | 'crash' | 'restart' | 'commit' }
  | Damage;

interface Damage {
  readonly kind: 'truncate' | 'flip' | 'append' | 'replace';
  readonly at: number;
}

const damage: fc.Arbitrary<Damage> = fc.record({
  kind: fc.constantFrom('truncate', 'flip', 'append', 'replace'),
  at: fc.nat(100_000),
});
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('write'),
        sizes: fc.array(fc.oneof(fc.nat(10), fc.nat(40_000)), { maxLength: 5 }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('suspend', 'crash', 'restart', 'commit') }) },
    { weight: 2, arbitrary: damage },
  ),
  { maxLength: 20 },
);

async function spoil(path: string, step: Damage): Promise<void> {
  const bytes = await readFile(path).catch(() => undefined);
  if (bytes === undefined) return;
  const at = bytes.length === 0 ? 0 : step.at % bytes.length;
  if (step.kind === 'truncate') await truncate(path, at);
  if (step.kind === 'append') await appendFile(path, noise(step.at % 5000, 'garbage'));
  if (step.kind === 'replace') await unlink(path).then(() => writeFile(path, noise(step.at, 'garbage')));
  if (step.kind === 'flip' && bytes.length > 0) {
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    await writeFile(path, bytes);
  }
}

/** The right bytes, or a plain refusal; nothing in between. */
async function commitOrRefuse(ingest: Ingest): Promise<void> {
  const matched = ingest.matches();
  try {
    await ingest.commit();
    expect(matched).toBe(true);
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'DIGEST_MISMATCH') throw error;
    expect(matched).toBe(false);
  } finally {
    await ingest.close();
  }
}

/** Takes the steps, then fills the blob as the mirror would, and says what the store holds in the end. */
async function run(
  root: string,
  bytes: Buffer,
  digest: Digest,
  sequence: readonly Step[],
): Promise<Buffer | undefined> {
  const partial = new Layout(root).partial(digest);
  let store = new FilesystemContentStore(root);
  let ingest: Ingest | undefined;
  const crashed: Ingest[] = [];
  const opened = async () => (ingest ??= await store.ingest(digest));
  const leave = async () => {
    await ingest?.close();
    ingest = undefined;
  };
  for (const step of sequence) {
    if (step.kind === 'write') {
      const into = await opened();
      const chunks: Buffer[] = [];
      let at = into.offset;
      for (const size of step.sizes) {
        chunks.push(bytes.subarray(at, at + size));
        at += size;
      }
      const end = Math.max(into.offset, Math.min(at, bytes.length));
      await into.write(chunks);
      expect(into.offset).toBe(end);
      expect(await readAll(into.reader())).toHaveLength(end);
    } else if (step.kind === 'restart') {
      await (await opened()).restart();
    } else if (step.kind === 'commit') {
      await commitOrRefuse(await opened());
      ingest = undefined;
    } else if (step.kind === 'crash') {
      if (ingest !== undefined) crashed.push(ingest);
      ingest = undefined;
      store = new FilesystemContentStore(root);
    } else {
      await leave();
      if ('at' in step) await spoil(partial, step);
    }
    const blob = await blobBytes(store, digest);
    if (blob !== undefined) expect(blob).toEqual(bytes);
  }
  await leave();
  for (let attempt = 0; attempt < 2 && (await store.size(digest)) === undefined; attempt += 1) {
    const last = await store.ingest(digest);
    await last.write([bytes.subarray(last.offset)]);
    await commitOrRefuse(last);
  }
  expect(await Array.fromAsync(store.listPartial())).toEqual([]);
  await Promise.all(crashed.map((left) => left.close()));
  return blobBytes(store, digest);
}

it('ends in the right bytes or in a refusal, whatever is done to the partial blob', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(100_000), steps, async (size, sequence) => {
      await using folder = await TempFolder.create();
      const bytes = noise(size, 'fuzz');
      expect(await run(folder.path, bytes, digestOf(bytes), sequence)).toEqual(bytes);
    }),
    { numRuns: repeats(30, 150) },
  );
});

/** What several parts of the mirror may do to one blob at the same time. */
const actions = [
  'ingest',
  'remove',
  'quarantine',
  'verify',
  'adopt',
  'removePartial',
  'read',
  'spoil',
] as const;

it('gives right bytes or none, whatever is done to a blob at the same time', async () => {
  const bytes = noise(50_000, 'at once');
  const digest = digestOf(bytes);
  const burst = fc.array(fc.record({ action: fc.constantFrom(...actions), delay: fc.nat(6) }), {
    minLength: 2,
    maxLength: 12,
  });
  await fc.assert(
    fc.asyncProperty(fc.array(burst, { minLength: 1, maxLength: 4 }), async (bursts) => {
      await using folder = await TempFolder.create();
      const source = folder.join('source');
      await writeFile(source, bytes);
      const store = new FilesystemContentStore(folder.join('data'));
      try {
        let spoiling = false;
        for (const together of bursts) {
          spoiling ||= together.some(({ action }) => action === 'spoil');
          await Promise.all(
            together.map(async ({ action, delay }) => {
              for (let turn = 0; turn < delay; turn += 1) await new Promise((done) => setImmediate(done));
              await act(store, action, { digest, bytes, source, spoiling, root: folder.join('data') });
            }),
          );
        }
        expect(await readFile(source)).toEqual(bytes);
        await store.quarantine(digest);
        const ingest = await store.ingest(digest);
        if (ingest.offset > 0 && !ingest.matches()) await ingest.restart();
        await ingest.write([bytes.subarray(ingest.offset)]);
        await ingest.commit();
        await ingest.close();
        expect(await blobBytes(store, digest)).toEqual(bytes);
        expect(await store.verify(digest)).toBe('intact');
      } finally {
        await store.close();
      }
    }),
    { numRuns: repeats(8, 40) },
  );
});

interface Subject {
  readonly digest: Digest;
  readonly bytes: Buffer;
  readonly source: string;
  readonly root: string;
  /** Whether somebody damages the file, or has done so: bytes that are read are then not judged. */
  readonly spoiling: boolean;
}

async function act(
  store: FilesystemContentStore,
  action: (typeof actions)[number],
  { digest, bytes, source, root, spoiling }: Subject,
): Promise<void> {
  try {
    if (action === 'ingest') {
      const ingest = await store.ingest(digest);
      await ingest.write([bytes.subarray(ingest.offset)]);
      await commitOrRefuse(ingest);
    } else if (action === 'adopt') {
      await store.adopt(digest, source);
    } else if (action === 'read') {
      const blob = await blobBytes(store, digest);
      if (!spoiling) expect(blob?.equals(bytes)).not.toBe(false);
    } else if (action === 'verify') {
      const verdict = await store.verify(digest);
      if (!spoiling) expect(verdict).not.toBe('damaged');
    } else if (action === 'spoil') {
      // As a new file: an adopted one is linked to the source.
      const path = new Layout(root).blob(digest);
      if ((await store.size(digest)) !== undefined) await unlink(path).then(() => writeFile(path, 'damaged'));
    } else {
      await store[action](digest);
    }
  } catch (error) {
    if (error instanceof StoreError && error.code === 'INGEST_BUSY') return;
    if (spoiling && error instanceof Error && 'code' in error) return;
    throw error;
  }
}
