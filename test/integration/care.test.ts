import { readFile, truncate, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ControlClient } from '../../src/control/control-client.ts';
import { remoteCaretaker } from '../../src/control/remote-caretaker.ts';
import type { VerifyReport } from '../../src/cache/care/schemas.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { Layout } from '../../src/store/filesystem/layout.ts';
import { ask, verdict } from '../support/ask.ts';
import { eventually } from '../support/deadline.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { makeImage, type Image } from '../support/image.ts';
import { noPartialBlobs } from '../support/store-folder.ts';
import { TestEntrepot } from '../support/test-entrepot.ts';

const day = 24 * 60 * 60 * 1000;
const repository = 'library/hello';
const image = makeImage({ layers: [300_000, 5000] });
const [layer = image.config, small = image.config] = image.layers;
const whole = ['right', 'right', 'right', 'right'];

let hub: FakeHub;
let entrepot: TestEntrepot;

beforeEach(async () => {
  hub = await FakeHub.start();
  hub.addImage(repository, 'latest', image);
  entrepot = await TestEntrepot.start({ upstream: hub.url, storage: { scrubMs: 30 * day } });
});

afterEach(async () => {
  await entrepot[Symbol.asyncDispose]();
  await hub.close();
});

/** What a client makes of each part of an image. */
async function pull(pulled: Image): Promise<readonly string[]> {
  const manifest = await ask(entrepot.url, `/v2/${repository}/manifests/latest`);
  const blobs: string[] = [];
  for (const { digest, bytes } of [pulled.config, ...pulled.layers]) {
    blobs.push(verdict(await ask(entrepot.url, `/v2/${repository}/blobs/${digest}`), bytes));
  }
  await noPartialBlobs(entrepot.folder);
  return [verdict(manifest, pulled.bytes), ...blobs];
}

/** Changes one bit of a blob on the disk. */
async function damage(digest: Digest): Promise<void> {
  const file = new Layout(entrepot.folder).blob(digest);
  const bytes = await readFile(file);
  bytes[100] = (bytes[100] ?? 0) ^ 1;
  await writeFile(file, bytes);
}

/** What `entrepot verify` hears of a server that runs. */
async function verify(repair: boolean): Promise<VerifyReport> {
  const caretaker = remoteCaretaker(new ControlClient(entrepot.folder, new AbortController().signal));
  const last = (await Array.fromAsync(caretaker.verify({ repair }))).at(-1);
  if (last?.type !== 'report') throw new Error('the last event is no report');
  return last.report;
}

function downloads(digest: Digest): number {
  return hub.requests.filter(({ method, path }) => method === 'GET' && path.endsWith(`/blobs/${digest}`))
    .length;
}

describe('a blob that goes bad on the disk', () => {
  test('is found by the scrubber, put aside, and fetched anew by the next pull', async () => {
    expect(await pull(image)).toEqual(whole);
    await entrepot.stop();
    await damage(layer.digest);
    await truncate(new Layout(entrepot.folder).blob(small.digest), 10);
    entrepot.clock.advance(31 * day);
    await entrepot.start();
    await eventually(60_000, 'both blobs put aside', () =>
      [layer, small].every(({ digest }) => new RegExp(`"digest":"${digest}","images"`).test(entrepot.log)),
    );

    expect(await pull(image)).toEqual(whole);
    expect([layer, small, image.config].map(({ digest }) => downloads(digest))).toEqual([2, 2, 1]);
    expect(await verify(false)).toMatchObject({ loss: false, findings: {} });
  });

  test('is found by a verification while the server runs, and fetched anew after a repair', async () => {
    expect(await pull(image)).toEqual(whole);
    await damage(layer.digest);
    expect(await verify(false)).toMatchObject({ loss: true, repaired: 0, findings: { damaged: 1 } });
    expect(downloads(layer.digest)).toBe(1);
    expect(await verify(true)).toMatchObject({ loss: true, repaired: 1 });

    expect(await pull(image)).toEqual(whole);
    expect(downloads(layer.digest)).toBe(2);
    expect(await verify(false)).toMatchObject({ loss: false, findings: {} });
  });
});

describe('a verification', () => {
  test('takes nothing for lost while others pull and remove', async () => {
    const caretaker = remoteCaretaker(new ControlClient(entrepot.folder, new AbortController().signal));
    const churning = { over: false };
    const churn = async (): Promise<void> => {
      for (let round = 0; round < 10; round += 1) {
        expect(await pull(image)).toEqual(whole);
        await caretaker.remove('hello');
      }
    };
    const churned = churn().finally(() => {
      churning.over = true;
    });
    const reports: VerifyReport[] = [];
    while (!churning.over) reports.push(await verify(reports.length % 2 === 1));
    await churned;
    expect(reports.filter(({ loss }) => loss)).toEqual([]);
    expect(await verify(false)).toMatchObject({ loss: false, findings: {} });
  });
});
