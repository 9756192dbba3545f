import { describe, test, vi } from 'vitest';
import { verdict, ask } from '../support/ask.ts';
import { FakeHub } from '../support/fake-hub.ts';
import type { FaultSpec } from '../support/faults.ts';
import { makeImage } from '../support/image.ts';
import { RawClient } from '../support/raw-client.ts';
import { committedBlobs, noPartialBlobs, partialBlobs } from '../support/store-folder.ts';
import { TestEntrepot } from '../support/test-entrepot.ts';

// These tests mostly wait.
vi.setConfig({ maxConcurrency: 20 });

const repository = 'library/hello';
const image = makeImage({ layers: [300_000] });
const [layer = image.config] = image.layers;
const { digest, bytes } = layer;
const manifestPath = `/v2/${repository}/manifests/latest`;
const blobPath = `/v2/${repository}/blobs/${digest}`;
/** Long enough for a busy machine, short enough for five tries. */
const timeouts = { connectMs: 2000, headerMs: 800, idleMs: 800 };

interface Trouble {
  readonly name: string;
  /** In the order in which they hit; those without `times` go on. */
  readonly faults: readonly FaultSpec[];
  /**
   * What a client of a cold blob hears; with two values, the second one where a manifest has told the blob's
   * size.
   */
  readonly heard: string | readonly [alone: string, withManifest: string];
  readonly retryAfter?: string;
  /** What is in the data folder after a failure; a whole blob after a success, whatever this says. */
  readonly kept?: 'nothing' | 'partial' | 'blob';
}

const once = { on: 'blob', times: 1 } as const;
const cut = { ...once, kind: 'cut', afterBytes: 200_000 } as const;

/** Troubles that Entrepot makes good: the client does not hear of them. */
const mended: readonly Trouble[] = [
  { name: 'a cut', faults: [cut], heard: 'right' },
  { name: 'a cut every 50 kB', faults: [{ on: 'blob', kind: 'cut', afterBytes: 50_000 }], heard: 'right' },
  { name: 'a cut before the first byte', faults: [{ ...cut, afterBytes: 0 }], heard: 'right' },
  { name: 'a reset', faults: [{ ...once, kind: 'reset' }], heard: 'right' },
  { name: 'a reset by the CDN', faults: [{ kind: 'reset', on: 'cdn', times: 1 }], heard: 'right' },
  { name: 'a late answer', faults: [{ ...once, kind: 'delay', ms: 100 }], heard: 'right' },
  {
    name: 'a slow line',
    faults: [{ ...once, kind: 'slow', bytesPerSecond: 600_000 }],
    heard: 'right',
  },
  { name: 'no answer', faults: [{ ...once, kind: 'hang' }], heard: 'right' },
  {
    name: 'a stall in mid-body',
    faults: [{ ...once, kind: 'hang-body', afterBytes: 200_000 }],
    heard: 'right',
  },
  { name: 'a 500', faults: [{ ...once, kind: 'status', status: 500 }], heard: 'right' },
  {
    name: 'a 500 from the CDN',
    faults: [{ kind: 'status', status: 500, on: 'cdn', times: 2 }],
    heard: 'right',
  },
  {
    name: 'a 429 that asks for one second',
    faults: [{ ...once, kind: 'status', status: 429, headers: { 'retry-after': '1' } }],
    heard: 'right',
  },
  { name: 'an expired token', faults: [{ ...once, kind: 'expired-token' }], heard: 'right' },
  { name: 'an expired URL', faults: [{ ...once, kind: 'expired-url' }], heard: 'right' },
  { name: 'an expired URL in mid-life', faults: [cut, { ...once, kind: 'expired-url' }], heard: 'right' },
  { name: 'an ignored Range', faults: [cut, { ...once, kind: 'ignore-range' }], heard: 'right' },
  {
    name: 'a Content-Range that starts too late',
    faults: [cut, { ...once, kind: 'wrong-content-range', shift: 7 }],
    heard: 'right',
  },
  {
    name: 'a Content-Range that starts too early',
    faults: [cut, { ...once, kind: 'wrong-content-range', shift: -7 }],
    heard: 'right',
  },
  { name: 'no Content-Length', faults: [{ on: 'blob', kind: 'no-content-length' }], heard: 'right' },
  ...[400, 401, 403, 404, 405, 416, 500, 501, 503].map((status) => ({
    name: `${status} to every Range`,
    faults: [cut, { on: 'blob', kind: 'refuse-range', status }] as const,
    heard: 'right',
  })),
];

/** Troubles that stay, or that nobody can mend: the client hears of them as they are. */
const told: readonly Trouble[] = [
  { name: 'a wrong byte', faults: [{ ...once, kind: 'corrupt', atByte: 150_000 }], heard: 'cut' },
  { name: 'a wrong last byte', faults: [{ ...once, kind: 'corrupt', atByte: 299_999 }], heard: 'cut' },
  {
    name: 'an end before the first byte, always',
    faults: [{ on: 'blob', kind: 'cut', afterBytes: 0 }],
    heard: '503 UNAVAILABLE',
  },
  { name: 'resets', faults: [{ on: 'blob', kind: 'reset' }], heard: '503 UNAVAILABLE' },
  { name: 'silence', faults: [{ on: 'blob', kind: 'hang' }], heard: '504 UNAVAILABLE' },
  {
    name: 'a head and silence',
    faults: [{ on: 'blob', kind: 'hang-body', afterBytes: 0 }],
    heard: '504 UNAVAILABLE',
  },
  { name: '401', faults: [{ on: 'blob', kind: 'status', status: 401 }], heard: '403 DENIED' },
  { name: '403', faults: [{ on: 'blob', kind: 'status', status: 403 }], heard: '403 DENIED' },
  { name: '404', faults: [{ on: 'blob', kind: 'status', status: 404 }], heard: '404 BLOB_UNKNOWN' },
  {
    name: '429 with Retry-After',
    faults: [{ on: 'blob', kind: 'status', status: 429, headers: { 'retry-after': '30' } }],
    heard: '429 TOOMANYREQUESTS',
    retryAfter: '30',
  },
  { name: '500', faults: [{ on: 'blob', kind: 'status', status: 500 }], heard: '502 UNKNOWN' },
  { name: '503', faults: [{ on: 'blob', kind: 'status', status: 503 }], heard: '503 UNAVAILABLE' },
  {
    name: 'URLs that are expired at once',
    faults: [{ on: 'blob', kind: 'expired-url' }],
    heard: '502 UNKNOWN',
  },
  {
    name: '404 from the CDN',
    faults: [{ on: 'cdn', kind: 'status', status: 404 }],
    heard: '404 BLOB_UNKNOWN',
  },
  {
    name: 'a redirect to nowhere',
    faults: [{ on: 'blob', kind: 'redirect', location: 'ftp://elsewhere/' }],
    heard: '502 UNKNOWN',
  },
  {
    name: 'silence after a cut',
    faults: [cut, { on: 'cdn', kind: 'hang' }],
    heard: 'cut',
    kept: 'partial',
  },
  {
    name: 'a wrong Content-Range, always',
    // The whole is then asked for, without a range.
    faults: [cut, { on: 'blob', kind: 'wrong-content-range', shift: 7 }],
    heard: 'right',
  },
  {
    name: 'a Content-Length that is too large',
    faults: [{ ...once, kind: 'wrong-content-length', delta: 5 }],
    heard: ['cut', 'right'],
    kept: 'blob',
  },
  {
    name: 'a Content-Length that is too small',
    faults: [{ ...once, kind: 'wrong-content-length', delta: -5 }],
    heard: ['cut', 'right'],
  },
];

async function fixtureWith(
  manifest: boolean,
): Promise<AsyncDisposable & { hub: FakeHub; entrepot: TestEntrepot }> {
  await using resources = new AsyncDisposableStack();
  const hub = resources.use(await FakeHub.start());
  hub.addImage(repository, 'latest', image);
  const entrepot = resources.use(await TestEntrepot.start({ upstream: hub.url, timeouts }));
  if (manifest) await ask(entrepot.url, manifestPath);
  const owned = resources.move();
  return { hub, entrepot, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

describe.each([
  { circumstance: 'of which nothing is known', manifest: false },
  { circumstance: 'that a manifest names', manifest: true },
])('a cold blob $circumstance', ({ manifest }) => {
  test.concurrent.for(mended)(
    'arrives whole and is kept in spite of $name',
    async ({ faults }, { expect }) => {
      await using fixture = await fixtureWith(manifest);
      const { hub, entrepot } = fixture;
      const inForce = faults.map((fault) => hub.fault(fault));

      expect(verdict(await ask(entrepot.url, blobPath), bytes)).toBe('right');
      expect(inForce.map(({ hits }) => hits > 0)).not.toContain(false);
      await noPartialBlobs(entrepot.folder);
      hub.down();
      expect(verdict(await ask(entrepot.url, blobPath), bytes)).toBe('right');
    },
  );

  test.concurrent.for(told)(
    '$name: the client hears the truth, and the next one gets the blob',
    async (trouble, { expect }) => {
      await using fixture = await fixtureWith(manifest);
      const { hub, entrepot } = fixture;
      for (const fault of trouble.faults) hub.fault(fault);

      const answer = await ask(entrepot.url, blobPath);
      const { heard } = trouble;
      const expected = typeof heard === 'string' ? heard : heard[manifest ? 1 : 0];
      expect(verdict(answer, bytes)).toBe(expected);
      expect(answer.headers['retry-after']).toBe(trouble.retryAfter);
      const kept = expected === 'right' ? 'blob' : (trouble.kept ?? 'nothing');
      await expect.poll(() => partialBlobs(entrepot.folder)).toHaveLength(kept === 'partial' ? 1 : 0);
      expect(await committedBlobs(entrepot.folder)).toHaveLength(kept === 'blob' ? 1 : 0);

      hub.clearFaults();
      const head = await ask(entrepot.url, blobPath, {}, 'HEAD');
      expect([head.status, head.headers['content-length']]).toEqual([200, String(bytes.length)]);
      expect(verdict(await ask(entrepot.url, blobPath), bytes)).toBe('right');
      await noPartialBlobs(entrepot.folder);
      hub.down();
      expect(verdict(await ask(entrepot.url, blobPath), bytes)).toBe('right');
    },
  );
});

test.concurrent('an expired token in mid-life is renewed, and the blob goes on', async ({ expect }) => {
  await using fixture = await fixtureWith(true);
  const { hub, entrepot } = fixture;
  hub.fault({ ...once, kind: 'hang-body', afterBytes: 200_000 });
  using client = await RawClient.connect(entrepot.url);
  client.request('GET', blobPath);
  const head = await client.head();
  const first = await client.read(100_000);
  hub.expireTokens();

  const rest = await client.read(200_000);
  expect(head.status).toBe(200);
  expect(Buffer.concat([first, rest]).equals(bytes)).toBe(true);
  expect(hub.bytesSent(digest)).toBe(300_000);
});

test.concurrent.for([...mended, ...told])(
  'a blob that is held is served whole in spite of $name',
  async ({ faults }, { expect }) => {
    await using fixture = await fixtureWith(true);
    const { hub, entrepot } = fixture;
    await ask(entrepot.url, blobPath);
    await noPartialBlobs(entrepot.folder);
    hub.clearLog();
    for (const fault of faults) hub.fault(fault);

    expect(verdict(await ask(entrepot.url, blobPath), bytes)).toBe('right');
    expect(verdict(await ask(entrepot.url, blobPath, { range: 'bytes=1000-' }), bytes)).toBe('right');
    expect((await ask(entrepot.url, blobPath, {}, 'HEAD')).status).toBe(200);
    expect(hub.requests).toEqual([]);
  },
);
