import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ask, verdict } from '../support/ask.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { makeImage } from '../support/image.ts';
import { noPartialBlobs } from '../support/store-folder.ts';
import { TestEntrepot } from '../support/test-entrepot.ts';

// What was measured on registry:2 (distribution 2.8.2 in proxy mode), each test under the name of the fault.

const repository = 'library/hello';
const image = makeImage({ layers: [1_000_000] });
const [layer = image.config] = image.layers;
const tagPath = `/v2/${repository}/manifests/latest`;
const digestPath = `/v2/${repository}/manifests/${image.digest}`;
const blobPath = `/v2/${repository}/blobs/${layer.digest}`;

let hub: FakeHub;
let entrepot: TestEntrepot;

beforeEach(async () => {
  hub = await FakeHub.start();
  hub.addImage(repository, 'latest', image);
  // As in production, where nobody gives up on upstream within two seconds.
  const timeouts = { connectMs: 5000, headerMs: 20_000, idleMs: 20_000 };
  entrepot = await TestEntrepot.start({ upstream: hub.url, timeouts });
});

afterEach(async () => {
  await entrepot[Symbol.asyncDispose]();
  await hub.close();
});

describe('every blob is downloaded twice by a cold client, N + 1 times by N of them', () => {
  test.each([1, 2, 32])('but once here, by %d', async (clients) => {
    const answers = await Promise.all(Array.from({ length: clients }, () => ask(entrepot.url, blobPath)));
    expect(answers.map((answer) => verdict(answer, layer.bytes))).toEqual(Array(clients).fill('right'));
    await noPartialBlobs(entrepot.folder);
    expect(verdict(await ask(entrepot.url, blobPath), layer.bytes)).toBe('right');

    expect(hub.count({ server: 'cdn', method: 'GET' })).toBe(1);
    expect(hub.bytesSent(layer.digest)).toBe(layer.size);
  });
});

// https://github.com/distribution/distribution/issues/4038
test('it panics at start when upstream is unreachable: here it starts, and serves what it holds', async () => {
  await ask(entrepot.url, tagPath);
  await ask(entrepot.url, blobPath);
  await noPartialBlobs(entrepot.folder);
  hub.down();
  await entrepot.restart();

  expect((await ask(entrepot.url, '/v2/')).status).toBe(200);
  expect(verdict(await ask(entrepot.url, tagPath), image.bytes)).toBe('right');
  expect(verdict(await ask(entrepot.url, blobPath), layer.bytes)).toBe('right');
});

describe('a corrupt layer reaches the client as a complete 200, on every retry', () => {
  test.each([{ atByte: 0 }, { atByte: 500_000 }, { atByte: 999_999 }])(
    'but is cut here (byte $atByte), as often as it comes, and leaves no trace',
    async ({ atByte }) => {
      const fault = hub.fault({ on: 'blob', kind: 'corrupt', atByte });
      for (let retry = 0; retry < 3; retry += 1) {
        expect(verdict(await ask(entrepot.url, blobPath), layer.bytes)).toBe('cut');
      }
      fault.clear();
      expect(verdict(await ask(entrepot.url, blobPath), layer.bytes)).toBe('right');
    },
  );

  test('but when it is small it is a 502 before its first byte', async () => {
    hub.fault({ on: 'blob', kind: 'corrupt', atByte: 5 });
    const answer = await ask(entrepot.url, `/v2/${repository}/blobs/${image.config.digest}`);
    expect(verdict(answer, image.config.bytes)).toBe('502 UNKNOWN');
  });
});

test('a manifest by digest is never checked against its digest: here it is, and a wrong one is not kept', async () => {
  const fault = hub.fault({ on: 'manifest', kind: 'wrong-manifest' });
  expect(verdict(await ask(entrepot.url, digestPath), image.bytes)).toBe('502 UNKNOWN');
  fault.clear();
  expect(verdict(await ask(entrepot.url, digestPath), image.bytes)).toBe('right');
});

test('an upstream cut in mid-blob ends the client’s download: here it goes on from that byte', async () => {
  hub.fault({ on: 'blob', kind: 'cut', afterBytes: 600_000, times: 1 });
  expect(verdict(await ask(entrepot.url, blobPath), layer.bytes)).toBe('right');

  const ranges = hub.requests.filter(({ server }) => server === 'cdn').map(({ headers }) => headers.range);
  expect(ranges).toEqual([undefined, 'bytes=600000-']);
  expect(hub.bytesSent(layer.digest)).toBe(layer.size);
});

test('HEAD of a cold blob downloads it first: here it asks for its size and no more', async () => {
  const { status, headers } = await ask(entrepot.url, blobPath, {}, 'HEAD');
  expect([status, headers['content-length']]).toEqual([200, '1000000']);
  expect(hub.bytesSent(layer.digest)).toBe(0);
});

// https://github.com/distribution/distribution/issues/4667
test('Range on a miss is ignored: here it is a 206, and the rest of the blob is kept', async () => {
  const answer = await ask(entrepot.url, blobPath, { range: 'bytes=400000-400099' });
  expect(answer.status).toBe(206);
  expect(answer.headers['content-range']).toBe('bytes 400000-400099/1000000');
  expect(answer.bytes.equals(layer.bytes.subarray(400_000, 400_100))).toBe(true);
  await noPartialBlobs(entrepot.folder);
  hub.down();
  expect(verdict(await ask(entrepot.url, blobPath), layer.bytes)).toBe('right');
});

// https://github.com/distribution/distribution/issues/3270
describe('an uncached tag is a false 404 while upstream is in trouble', () => {
  test('but a 503 here while it is down', async () => {
    hub.down();
    expect(verdict(await ask(entrepot.url, tagPath), image.bytes)).toBe('503 UNAVAILABLE');
    expect((await ask(entrepot.url, tagPath, {}, 'HEAD')).status).toBe(503);
  });

  test('but a 429 with its Retry-After here when the pull limit is reached, by tag and by digest', async () => {
    hub.setRateLimit({ limit: 100, window: 21_600, remaining: 0 });
    expect(verdict(await ask(entrepot.url, digestPath), image.bytes)).toBe('429 TOOMANYREQUESTS');
    hub.fault({ on: 'manifest', kind: 'status', status: 429, headers: { 'retry-after': '3600' } });
    const answer = await ask(entrepot.url, tagPath);
    expect([verdict(answer, image.bytes), answer.headers['retry-after']]).toEqual([
      '429 TOOMANYREQUESTS',
      '3600',
    ]);
  });
});

// https://github.com/goharbor/harbor/issues/18294
test('a hanging upstream hangs cached tags, 15 s and more: here for less than two, and then not at all', async () => {
  await ask(entrepot.url, tagPath);
  entrepot.clock.advance(61_000);
  hub.fault({ on: 'any', kind: 'hang' });

  const startedAt = performance.now();
  const first = await ask(entrepot.url, tagPath);
  // It gives up after 1.5 s; the rest is for a busy machine.
  expect(performance.now() - startedAt).toBeLessThan(10_000);
  expect(verdict(first, image.bytes)).toBe('right');
  expect(first.headers['warning']).toMatch(/^110 /);

  hub.clearLog();
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(entrepot.url, tagPath)));
  expect(answers.map((answer) => verdict(answer, image.bytes))).toEqual(Array(20).fill('right'));
  expect(hub.requests).toEqual([]);
});

test('every tag pull asks upstream, with a token each time: here a minute’s pulls ask nobody', async () => {
  await ask(entrepot.url, tagPath);
  hub.clearLog();
  for (let request = 0; request < 20; request += 1) {
    expect(verdict(await ask(entrepot.url, tagPath), image.bytes)).toBe('right');
  }
  expect(hub.requests).toEqual([]);

  entrepot.clock.advance(61_000);
  await ask(entrepot.url, tagPath);
  expect(hub.requests.map(({ server, method }) => `${server} ${method}`)).toEqual(['registry HEAD']);
});
