import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import { FilesystemContentStore } from '../../../src/store/filesystem/content-store.ts';
import { within } from '../../support/deadline.ts';
import { noise } from '../../support/image.ts';
import { blobBytes } from '../../support/stored-blob.ts';
import { TempFolder } from '../../support/temp-folder.ts';

const writer = fileURLToPath(new URL('ingest-forever.ts', import.meta.url));

async function killWhileWriting(root: string, afterMs: number): Promise<void> {
  const child = spawn(process.execPath, [writer, root], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  await within(60_000, 'the first blob', once(child.stdout, 'data'));
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  child.kill('SIGKILL');
  expect((await within(60_000, 'the end of the writer', exited))[1]).toBe('SIGKILL');
}

it('holds nothing but whole blobs and partial ones that can be finished, whenever it is killed', async () => {
  await using folder = await TempFolder.create();
  const blobs = new Map(
    Array.from({ length: 20 }, (_, number) => noise(200_000, `crash ${number}`)).map((bytes) => [
      digestOf(bytes),
      bytes,
    ]),
  );
  for (let round = 0; round < 8; round += 1) {
    await killWhileWriting(folder.path, Math.random() * 60);
    const store = await FilesystemContentStore.open(folder.path);
    for (const { digest } of await Array.fromAsync(store.list())) {
      expect(await blobBytes(store, digest)).toEqual(blobs.get(digest));
    }
    const partials = await Array.fromAsync(store.listPartial());
    expect(partials.length).toBeLessThanOrEqual(1);
    for (const { digest, size } of partials) {
      const bytes = blobs.get(digest);
      if (bytes === undefined) throw new Error(`nobody wrote ${digest}`);
      const ingest = await store.ingest(digest);
      expect(ingest.offset).toBe(size);
      await ingest.write([bytes.subarray(ingest.offset)]);
      await ingest.commit();
      await ingest.close();
      expect(await blobBytes(store, digest)).toEqual(bytes);
    }
    expect(await Array.fromAsync(store.listPartial())).toEqual([]);
  }
}, 240_000);
