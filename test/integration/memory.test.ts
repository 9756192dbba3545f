import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { EntrepotProcess } from '../support/entrepot-process.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { noise } from '../support/image.ts';
import { noPartialBlobs } from '../support/store-folder.ts';
import { repeats } from '../support/depth.ts';

const MiB = 1024 * 1024;
const clients = 16;
const size = repeats(64, 256) * MiB;
/**
 * In MiB, over what the process has once it has pulled something: 48 of buffers and shared chunks for 16
 * connections, 11 of blocks for one fill, and what awaits collection, which is more the busier the machine
 * is. Far from the blob's size, which is what it must not depend on.
 */
const allowance = 180;

/** The most memory that a process has had resident so far, in MiB. */
async function peakMemory(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(status) ?? [];
  return Number(kibibytes) / 1024;
}

/** Reads a body to its end without keeping it: its size and, of what `hashed` says, its digest. */
async function drain(
  url: string,
  hashed: boolean,
): Promise<{ readonly size: number; readonly digest: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  get(url, { agent: false }, resolve).on('error', reject);
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of await promise) {
    const bytes = chunk as Buffer;
    size += bytes.length;
    if (hashed) hash.update(bytes);
  }
  return { size, digest: `sha256:${hash.digest('hex')}` };
}

test(
  '16 clients pulling a large blob, cold and then held, cost memory by connections and not by bytes',
  { timeout: 180_000 },
  async () => {
    await using hub = await FakeHub.start();
    const digest = hub.addBlob('library/large', noise(size, 'large'));
    await using entrepot = await EntrepotProcess.start({ remoteUrl: hub.url });
    const blobs = `${entrepot.url}/v2/library/large/blobs`;
    // What asks upstreams is loaded by the first request that needs it.
    await drain(`${blobs}/${hub.addBlob('library/large', noise(MiB, 'small'))}`, false);
    const before = await peakMemory(entrepot.pid);
    const url = `${blobs}/${digest}`;

    for (const _ of ['cold', 'held']) {
      const bodies = await Promise.all(
        Array.from({ length: clients }, (_, index) => drain(url, index === 0)),
      );
      expect(bodies.map(({ size }) => size)).toEqual(Array(clients).fill(size));
      expect(bodies[0]?.digest).toBe(digest);
      await noPartialBlobs(entrepot.data);
    }
    expect((await peakMemory(entrepot.pid)) - before).toBeLessThan(allowance);
    expect(hub.bytesSent(digest)).toBe(size);
  },
);
