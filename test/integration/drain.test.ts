import Database from 'better-sqlite3';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ask, verdict } from '../support/ask.ts';
import { EntrepotProcess, type EntrepotProcessOptions } from '../support/entrepot-process.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { makeImage } from '../support/image.ts';
import { RawClient } from '../support/raw-client.ts';
import { committedBlobs, partialBlobs } from '../support/store-folder.ts';

const repository = 'library/hello';
const image = makeImage({ layers: [2_000_000] });
const [layer = image.config] = image.layers;
const blobPath = `/v2/${repository}/blobs/${layer.digest}`;
const manifestPath = `/v2/${repository}/manifests/latest`;

let hub: FakeHub;
let goOn: () => void;

beforeEach(async () => {
  hub = await FakeHub.start();
  hub.addImage(repository, 'latest', image);
  const { promise, resolve } = Promise.withResolvers<void>();
  hub.fault({ on: 'blob', kind: 'hold', afterBytes: 1_000_000, until: promise, times: 1 });
  goOn = resolve;
});

afterEach(async () => {
  goOn();
  await hub.close();
});

/** One download is all that is under way: the config does not come by itself. */
function alone(): Pick<EntrepotProcessOptions, 'remoteUrl' | 'sections'> {
  return {
    remoteUrl: hub.url,
    sections: { proxy: { remoteurl: hub.url, pullahead: { enabled: false } } },
  };
}

/** A client in the middle of a download that upstream has stopped sending. */
async function downloading(url: string): Promise<{ readonly client: RawClient; readonly first: Buffer }> {
  const client = await RawClient.connect(url, { deadlineMs: 60_000 });
  client.request('GET', manifestPath);
  await client.answer();
  client.request('GET', blobPath);
  await client.head();
  return { client, first: await client.read(500_000) };
}

/** Opens the database as the next start would, and lets SQLite look at every page of it. */
async function databaseState(
  folder: string,
): Promise<{ readonly left: readonly string[]; readonly check: unknown }> {
  const left = (await readdir(folder)).filter((name) => /-(wal|shm|journal)$/.test(name));
  const database = new Database(join(folder, 'metadata.sqlite'), { readonly: true });
  try {
    return { left, check: database.pragma('integrity_check', { simple: true }) };
  } finally {
    database.close();
  }
}

describe('asked to stop in the middle of a download', () => {
  test('it takes no new connections, finishes, closes its database and exits with 0', async () => {
    await using entrepot = await EntrepotProcess.start({ ...alone(), draintimeout: '20s' });
    const { client, first } = await downloading(entrepot.url);
    using _ = client;
    entrepot.signal('SIGTERM');
    await expect
      .poll(() => ask(entrepot.url, '/v2/').catch(() => 'refused'), { timeout: 60_000 })
      .toBe('refused');
    goOn();

    const rest = await client.read(layer.size - first.length);
    expect(Buffer.concat([first, rest]).equals(layer.bytes)).toBe(true);
    expect(await entrepot.exited()).toEqual({ code: 0, signal: null });
    expect(await databaseState(entrepot.data)).toEqual({ left: [], check: 'ok' });
    expect(await committedBlobs(entrepot.data)).toHaveLength(1);
    expect(await partialBlobs(entrepot.data)).toEqual([]);
  });

  test('it waits no longer than draintimeout, keeps what has arrived, and goes on from there after the next start', async () => {
    await using entrepot = await EntrepotProcess.start({ ...alone(), draintimeout: '1s' });
    const { client } = await downloading(entrepot.url);
    using _ = client;
    entrepot.signal('SIGTERM');

    expect(await entrepot.exited(20_000)).toEqual({ code: 0, signal: null });
    const rest = await client.read(layer.size);
    expect(rest.length).toBeLessThan(layer.size - 500_000);
    expect(await databaseState(entrepot.data)).toEqual({ left: [], check: 'ok' });
    expect(await partialBlobs(entrepot.data)).toHaveLength(1);

    await entrepot.restart();
    expect(verdict(await ask(entrepot.url, blobPath), layer.bytes)).toBe('right');
    const ranges = hub.requests.filter(({ server }) => server === 'cdn').map(({ headers }) => headers.range);
    expect(ranges).toEqual([undefined, expect.stringMatching(/^bytes=[1-9]\d*-$/)]);
  });

  test('it exits at once on a second signal, and loses nothing that it had', async () => {
    await using entrepot = await EntrepotProcess.start({ ...alone(), draintimeout: '10m' });
    const { client } = await downloading(entrepot.url);
    using _ = client;
    entrepot.signal('SIGTERM');
    await expect
      .poll(() => ask(entrepot.url, '/v2/').catch(() => 'refused'), { timeout: 60_000 })
      .toBe('refused');
    entrepot.signal('SIGINT');

    expect(await entrepot.exited(5000)).toEqual({ code: 130, signal: null });
    await entrepot.restart();
    hub.clearLog();
    expect(verdict(await ask(entrepot.url, manifestPath), image.bytes)).toBe('right');
    expect(hub.requests).toEqual([]);
    expect(verdict(await ask(entrepot.url, blobPath), layer.bytes)).toBe('right');
  });

  test('while idle it exits at once, whatever connections are kept open', async () => {
    await using entrepot = await EntrepotProcess.start({ ...alone(), draintimeout: '10m' });
    using idle = await RawClient.connect(entrepot.url);
    idle.request('GET', '/v2/');
    await idle.answer();
    entrepot.signal('SIGTERM');
    expect(await entrepot.exited(5000)).toEqual({ code: 0, signal: null });
  });
});
