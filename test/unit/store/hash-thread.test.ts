import { createHash } from 'node:crypto';
import { mkdir, stat, symlink, unlink, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import { FilesystemContentStore } from '../../../src/store/filesystem/content-store.ts';
import { HashThread, startHashWorker } from '../../../src/store/filesystem/hash-thread.ts';
import { FileVerifier } from '../../../src/store/filesystem/file-verifier.ts';
import { Child } from '../../support/child.ts';
import { noise } from '../../support/image.ts';
import { TempFolder } from '../../support/temp-folder.ts';

const bytes = noise(300_000, 'hash');
const digest = digestOf(bytes);
const hex = createHash('sha256').update(bytes).digest('hex');

let folder: TempFolder;
let file: string;
let workers: Worker[];
let thread: HashThread;

beforeEach(async () => {
  folder = await TempFolder.create();
  file = folder.join('file');
  await writeFile(file, bytes);
  workers = [];
  thread = new HashThread(() => {
    const worker = startHashWorker();
    workers.push(worker);
    return worker;
  });
});

afterEach(async () => {
  await thread[Symbol.asyncDispose]();
  await folder.remove();
});

/** Hashes so slowly that it never ends by itself; resolves once it reads. */
async function endless(): Promise<{ readonly outcome: Promise<unknown> }> {
  const reading = Promise.withResolvers<void>();
  const outcome = thread.hash(file, 'sha256', { bytesPerSecond: 1, onBytes: () => reading.resolve() });
  outcome.catch(() => undefined);
  await reading.promise;
  return { outcome };
}

describe('the thread that hashes', () => {
  it('is started when it is first needed, and then kept', async () => {
    expect(workers).toHaveLength(0);
    const hashes = await Promise.all(Array.from({ length: 5 }, async () => thread.hash(file, 'sha256', {})));
    expect(hashes).toMatchObject(hashes.map(() => ({ hex })));
    expect(workers).toHaveLength(1);
  });

  it('that dies rejects what it was at, and is replaced for what waits', async () => {
    const { outcome } = await endless();
    const waiting = thread.hash(file, 'sha256', { bytesPerSecond: 1e9 });
    await workers[0]?.terminate();
    await expect(outcome).rejects.toMatchObject({ name: 'StoreError', code: 'IO' });
    expect(await waiting).toMatchObject({ hex });
    expect(workers).toHaveLength(2);
  });

  it('whose code throws rejects what it was at, and is replaced', async () => {
    const { outcome } = await endless();
    // What no call looks like: the thread ends by an error nobody catches.
    workers[0]?.postMessage(undefined);
    await expect(outcome).rejects.toMatchObject({ name: 'StoreError', code: 'IO' });
    expect(await thread.hash(file, 'sha256')).toMatchObject({ hex });
  });

  it('keeps a command alive until it has its answer, and no longer', async () => {
    const store = new FilesystemContentStore(folder.path);
    const ingest = await store.ingest(digest);
    await ingest.write([bytes]);
    await ingest.commit();
    await ingest.close();
    const script = fileURLToPath(new URL('verify-twice.ts', import.meta.url));
    await using child = new Child(process.execPath, [script, folder.path, digest]);
    expect(await child.exited(20_000)).toEqual({ code: 0, signal: null });
    expect(child.stdout).toBe('intact, intact\n');
  });
});

describe('the verdict on a file', () => {
  it('is that it is damaged where it cannot be read', async () => {
    const verification = new FileVerifier(thread);
    await mkdir(folder.join('directory'));
    await symlink('circle', folder.join('circle'));
    for (const name of ['directory', 'circle']) {
      expect(await verification.verdict(digest, folder.join(name))).toBe('damaged');
    }
  });

  it('is none where something else is wrong', async () => {
    const verification = new FileVerifier(thread);
    await expect(verification.verdict(digest, `${file}/below`)).rejects.toMatchObject({ code: 'IO' });
  });

  it('is about the file that is there in the end, should another one have been read', async () => {
    const { ino } = await stat(file, { bigint: true });
    const outcomes = [
      { hex: 'another', inode: ino + 1n },
      { hex, inode: ino },
      { hex: 'another', inode: ino },
      { hex: 'another', inode: ino + 1n },
    ];
    const verification = new FileVerifier({
      hash: async () => outcomes.shift() ?? Promise.reject(new Error('asked too often')),
    });
    expect(await verification.verdict(digest, file)).toBe('intact');
    expect(await verification.verdict(digest, file)).toBe('damaged');
    await unlink(file);
    expect(await verification.verdict(digest, file)).toBe('missing');
  });
});
