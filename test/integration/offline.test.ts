import { createHook } from 'node:async_hooks';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ControlClient } from '../../src/control/control-client.ts';
import { remoteServices } from '../../src/control/remote-services.ts';
import type { UpstreamControl } from '../../src/control/upstream-control.ts';
import { ask, errorCode, verdict } from '../support/ask.ts';
import { eventually } from '../support/deadline.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { makeImage } from '../support/image.ts';
import { noPartialBlobs } from '../support/store-folder.ts';
import { TestEntrepot } from '../support/test-entrepot.ts';

const repository = 'library/node';
const image = makeImage({ layers: [3_000_000, 5000] });
const [layer = image.config, small = image.config] = image.layers;
const manifests = `/v2/${repository}/manifests`;
const blobs = `/v2/${repository}/blobs`;

let hub: FakeHub;
let entrepot: TestEntrepot;

beforeEach(async () => {
  hub = await FakeHub.start({ auth: 'none', cdn: false });
  hub.addImage(repository, '20', image);
  // By a name, so that each connection needs a lookup.
  const upstream = hub.url.replace('127.0.0.1', 'localhost');
  entrepot = await TestEntrepot.start({ upstream });
});

afterEach(async () => {
  await entrepot[Symbol.asyncDispose]();
  await hub.close();
});

function control(): UpstreamControl {
  return remoteServices(new ControlClient(entrepot.folder)).upstreams;
}

/** Counts lookups of names in this process, by whatever way of Node's. */
class Lookups implements Disposable {
  count = 0;
  readonly #hook = createHook({
    init: (_id, type) => {
      if (['GETADDRINFOREQWRAP', 'QUERYWRAP'].includes(type)) this.count += 1;
    },
  }).enable();

  [Symbol.dispose](): void {
    this.#hook.disable();
  }
}

async function status(path: string): Promise<string> {
  const answer = await ask(entrepot.url, path);
  return answer.status === 200 ? '200' : `${answer.status} ${errorCode(answer)}`;
}

describe('a server that is switched offline', () => {
  test('looks up no name and sends no request, whatever is asked of it, until it is switched online', async () => {
    using lookups = new Lookups();
    expect(await status(`${manifests}/20`)).toBe('200');
    expect(await status(`${blobs}/${small.digest}`)).toBe('200');
    expect(lookups.count).toBeGreaterThan(0);

    expect(await control().offline(true)).toEqual({ offline: true, offlineAtStart: false });
    await eventually(60_000, 'the end of connections', () => hub.connections === 0);
    hub.clearLog();
    lookups.count = 0;
    entrepot.clock.advance(365 * 24 * 60 * 60_000);
    const asked = [
      `${manifests}/20`,
      `${blobs}/${small.digest}`,
      `${manifests}/18`,
      `${manifests}/sha256-${'0'.repeat(64)}.sig`,
      `${blobs}/${layer.digest}`,
      `/v2/${repository}/tags/list`,
      `/v2/${repository}/referrers/${image.digest}`,
      '/v2/library/mysql/manifests/8',
      '/v2/library/mysql/tags/list',
      '/v1/search?q=node',
    ];

    expect(await Promise.all(asked.map(status))).toEqual([
      '200',
      '200',
      '404 MANIFEST_UNKNOWN',
      '404 MANIFEST_UNKNOWN',
      '404 BLOB_UNKNOWN',
      '200',
      '200',
      '404 MANIFEST_UNKNOWN',
      '404 NAME_UNKNOWN',
      '200',
    ]);
    expect(lookups.count).toBe(0);
    expect(hub.requests).toEqual([]);
    expect(hub.connections).toBe(0);

    await control().offline(false);
    expect(await status(`${blobs}/${layer.digest}`)).toBe('200');
    expect(lookups.count).toBeGreaterThan(0);
    expect(hub.bytesSent(layer.digest)).toBe(layer.size);
  });

  test('tells a client what it has in place of what is missing', async () => {
    await ask(entrepot.url, `${manifests}/20`);
    await control().offline(true);

    const { bytes } = await ask(entrepot.url, `${manifests}/18`);

    expect(JSON.parse(bytes.toString())).toEqual({
      errors: [
        {
          code: 'MANIFEST_UNKNOWN',
          message: 'the mirror is offline, and node:18 is not cached; cached: node:20',
          detail: { reference: '18' },
        },
      ],
    });
  });

  test('serves a cached tag without a Warning, the second time from memory', async () => {
    await ask(entrepot.url, `${manifests}/20`);
    await control().offline(true);
    entrepot.clock.advance(60 * 60_000);

    for (let times = 0; times < 2; times += 1) {
      const answer = await ask(entrepot.url, `${manifests}/20`);
      expect(verdict(answer, image.bytes)).toBe('right');
      expect(answer.headers).toMatchObject({ 'cache-status': 'entrepot; hit' });
      expect(answer.headers).not.toHaveProperty('warning');
    }
  });

  test('cuts a download, keeps its bytes, and fetches the rest once it is online', async () => {
    const halfway = 1_500_000;
    const open = Promise.withResolvers<void>();
    hub.fault({ kind: 'hold', on: 'blob', match: layer.digest, afterBytes: halfway, until: open.promise });
    await ask(entrepot.url, `${manifests}/20`);
    const pulling = ask(entrepot.url, `${blobs}/${layer.digest}`);
    await eventually(60_000, 'the first half', () => hub.bytesSent(layer.digest) === halfway);
    await eventually(60_000, 'its bytes on disk', async () => {
      const { store } = await remoteServices(new ControlClient(entrepot.folder)).caretaker.stats();
      return store.partial.bytes >= halfway - 65_536;
    });

    await control().offline(true);
    expect(verdict(await pulling, layer.bytes)).toBe('cut');
    expect(await status(`${blobs}/${layer.digest}`)).toBe('404 BLOB_UNKNOWN');
    hub.clearFaults();
    open.resolve();
    await control().offline(false);

    await noPartialBlobs(entrepot.folder);
    const [, second] = hub.requests.filter(
      ({ digest, method }) => digest === layer.digest && method === 'GET',
    );
    expect(second?.headers['range']).toMatch(/^bytes=1[45]\d{5}-$/u);
    expect(verdict(await ask(entrepot.url, `${blobs}/${layer.digest}`), layer.bytes)).toBe('right');
  });

  test('says so in its statistics and once in its log, and is as configured after a restart', async () => {
    const { caretaker } = remoteServices(new ControlClient(entrepot.folder));
    await control().offline(true);
    await control().offline(true);

    expect((await caretaker.stats()).server).toMatchObject({ offline: true });
    expect(entrepot.log.split('offline from now on').length - 1).toBe(1);
    expect(entrepot.log).not.toContain('maintenance command');
    expect(await control().offline(null)).toEqual({ offline: true, offlineAtStart: false });
    expect((await ask(entrepot.url, '/readyz')).status).toBe(200);

    await entrepot.restart();
    expect(await control().offline(null)).toEqual({ offline: false, offlineAtStart: false });
  });
});

test('a server that is configured to be offline asks nothing until it is switched online', async () => {
  await using other = await TestEntrepot.start({ upstream: hub.url, offline: true });
  const { upstreams } = remoteServices(new ControlClient(other.folder));

  expect((await ask(other.url, `${manifests}/20`)).status).toBe(404);
  expect(hub.requests).toEqual([]);
  expect(await upstreams.offline(false)).toEqual({ offline: false, offlineAtStart: true });
  expect((await ask(other.url, `${manifests}/20`)).status).toBe(200);
});
