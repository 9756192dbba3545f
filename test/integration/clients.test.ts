import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ask, verdict } from '../support/ask.ts';
import { eventually } from '../support/deadline.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { makeImage } from '../support/image.ts';
import { RawClient } from '../support/raw-client.ts';
import { noPartialBlobs } from '../support/store-folder.ts';
import { TestEntrepot } from '../support/test-entrepot.ts';

const MiB = 1024 * 1024;
const repository = 'library/hello';
// More than the kernel buffers for one connection, so that a client that does not read is noticed.
const image = makeImage({ layers: [24 * MiB] });
const [layer = image.config] = image.layers;
const blobPath = `/v2/${repository}/blobs/${layer.digest}`;
const manifestPath = `/v2/${repository}/manifests/latest`;

let hub: FakeHub;
let entrepot: TestEntrepot;

beforeEach(async () => {
  hub = await FakeHub.start();
  hub.addImage(repository, 'latest', image);
  entrepot = await TestEntrepot.start({ upstream: hub.url });
  await ask(entrepot.url, manifestPath);
});

afterEach(async () => {
  await entrepot[Symbol.asyncDispose]();
  await hub.close();
});

/** Access-log lines of blob requests that have ended. */
function endedTransfers(): readonly { readonly bytes: number; readonly aborted?: boolean }[] {
  return entrepot.log
    .split('\n')
    .filter((line) => line.includes('"msg":"request"') && line.includes(layer.digest))
    .map((line) => JSON.parse(line) as { bytes: number; aborted?: boolean });
}

/** A client that has asked for the layer and read the head of its answer. */
async function reader(headers: Readonly<Record<string, string>> = {}): Promise<RawClient> {
  const client = await RawClient.connect(entrepot.url, { deadlineMs: 60_000 });
  client.request('GET', blobPath, headers);
  await client.head();
  return client;
}

/** Makes upstream stop after so many bytes of the layer, until the function returned is called. */
function stopAt(afterBytes: number): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  hub.fault({ on: 'blob', kind: 'hold', afterBytes, until: promise });
  return resolve;
}

describe('a client that leaves in mid-body', () => {
  test('changes nothing for 30 others, and its own part is let go of at once', async () => {
    const goOn = stopAt(4 * MiB);
    const others = Array.from({ length: 30 }, () => ask(entrepot.url, blobPath));
    using leaver = await reader();
    await leaver.read(MiB);
    leaver.abort();
    // While upstream stands still, so nothing but its leaving can have ended it.
    await eventually(60_000, 'the end of the transfer', () => endedTransfers().length === 1);
    expect(endedTransfers()).toMatchObject([{ aborted: true }]);

    goOn();
    const answers = await Promise.all(others);
    expect(answers.map((answer) => verdict(answer, layer.bytes))).toEqual(Array(30).fill('right'));
    expect(hub.bytesSent(layer.digest)).toBe(layer.size);
  });

  test('as the only one leaves a fill that goes on to its end', async () => {
    const goOn = stopAt(4 * MiB);
    using leaver = await reader();
    leaver.abort();
    await eventually(60_000, 'the end of the transfer', () => endedTransfers().length === 1);
    goOn();
    await noPartialBlobs(entrepot.folder);
    hub.down();

    expect(verdict(await ask(entrepot.url, blobPath), layer.bytes)).toBe('right');
    expect(hub.bytesSent(layer.digest)).toBe(layer.size);
  });

  test('by closing its sending side is taken as gone, even while there is nothing to send', async () => {
    const goOn = stopAt(4 * MiB);
    using leaver = await reader();
    leaver.halfClose();
    await leaver.closed();
    await eventually(60_000, 'the end of the transfer', () => endedTransfers().length === 1);
    expect(endedTransfers()).toMatchObject([{ aborted: true }]);
    goOn();
    await noPartialBlobs(entrepot.folder);
  });

  test('before the first byte is forgotten, too', async () => {
    const goOn = stopAt(0);
    using leaver = await RawClient.connect(entrepot.url);
    leaver.request('GET', blobPath);
    await hub.received({ server: 'cdn' });
    leaver.abort();
    await eventually(60_000, 'the end of the transfer', () => endedTransfers().length === 1);
    expect(endedTransfers()).toMatchObject([{ bytes: 0, aborted: true }]);
    goOn();
    await noPartialBlobs(entrepot.folder);
  });

  test('again and again is always replaced by one who gets everything, in parts', async () => {
    let position = 0;
    const parts: Buffer[] = [];
    while (position < layer.size) {
      using client = await reader({ range: `bytes=${position}-` });
      const part = await client.read(Math.min(5 * MiB, layer.size - position));
      parts.push(part);
      position += part.length;
      client.abort();
    }
    expect(Buffer.concat(parts).equals(layer.bytes)).toBe(true);
    expect(hub.bytesSent(layer.digest)).toBe(layer.size);
  });
});

describe('a slow client', () => {
  test('that reads byte by byte slows none of 16 fast ones, cold or held, and gets the right bytes', async () => {
    using slow = await reader();
    const first = await slow.read(1);
    for (const state of ['cold', 'held']) {
      const fast = await Promise.all(Array.from({ length: 16 }, () => ask(entrepot.url, blobPath)));
      expect([state, ...fast.map((answer) => verdict(answer, layer.bytes))]).toEqual([
        state,
        ...Array<string>(16).fill('right'),
      ]);
      await noPartialBlobs(entrepot.folder);
    }
    // All others are through, and it is still where it was.
    expect(endedTransfers().length).toBe(32);
    const rest = await slow.read(layer.size - 1);
    expect(Buffer.concat([first, rest]).equals(layer.bytes)).toBe(true);
    expect(hub.bytesSent(layer.digest)).toBe(layer.size);
  });

  test('that never reads holds up neither the fill nor anybody else, and is let go of when it leaves', async () => {
    using idle = await RawClient.connect(entrepot.url);
    idle.request('GET', blobPath);
    await hub.received({ server: 'cdn' });

    expect(verdict(await ask(entrepot.url, blobPath), layer.bytes)).toBe('right');
    await noPartialBlobs(entrepot.folder);
    expect(endedTransfers().length).toBe(1);
    idle.abort();
    await eventually(60_000, 'the end of the transfer', () => endedTransfers().length === 2);
    expect(endedTransfers()[1]).toMatchObject({ aborted: true });
  });
});

describe('an odd client', () => {
  test('that sends its requests all at once gets the answers in their order', async () => {
    using client = await RawClient.connect(entrepot.url, { deadlineMs: 60_000 });
    const range = { range: 'bytes=1000000-1999999' };
    client.request('GET', blobPath, range);
    client.request('GET', manifestPath);
    client.request('GET', '/v2/library/hello/manifests/none');
    client.request('GET', blobPath);

    const [part, manifest, none, whole] = [
      await client.answer(),
      await client.answer(),
      await client.answer(),
      await client.answer(),
    ];
    expect([part.status, verdict(part, layer.bytes)]).toEqual([206, 'right']);
    expect(verdict(manifest, image.bytes)).toBe('right');
    expect(verdict(none, image.bytes)).toBe('404 MANIFEST_UNKNOWN');
    expect(verdict(whole, layer.bytes)).toBe('right');
  });

  test('that speaks HTTP/1.0 gets a whole answer and the end of the connection', async () => {
    using client = await RawClient.connect(entrepot.url, { deadlineMs: 60_000 });
    client.send(`GET ${blobPath} HTTP/1.0\r\n\r\n`);
    const answer = await client.answer();
    expect(answer.headers['transfer-encoding']).toBeUndefined();
    expect(verdict(answer, layer.bytes)).toBe('right');
    await client.closed();
  });

  test('that speaks no HTTP at all bothers nobody', async () => {
    using client = await RawClient.connect(entrepot.url);
    client.send('\u0016\u0003\u0001 hello\r\n\r\n');
    await client.closed();
    expect(verdict(await ask(entrepot.url, manifestPath), image.bytes)).toBe('right');
  });
});
