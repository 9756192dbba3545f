import { writeFile } from 'node:fs/promises';
import { hashSync } from 'bcryptjs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ask, basic, errorCode, verdict } from '../support/ask.ts';
import { blobFiles, hexOf } from '../support/blob-files.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { makeImage, makeIndex, type Image } from '../support/image.ts';
import { RawClient, type RawAnswer } from '../support/raw-client.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { TestEntrepot, type TestEntrepotOptions } from '../support/test-entrepot.ts';

const image = makeImage({ layers: [300_000] });
const other = makeImage({ layers: [50_000], seed: 2 });
const [layer = image.config] = image.layers;
const robot = { username: 'robot', password: 'upstream-password' };
const app = '/v2/library/app';

let folder: TempFolder;
let hub: FakeHub;
let entrepot: TestEntrepot;

beforeEach(async () => {
  folder = await TempFolder.create();
  await writeFile(folder.join('htpasswd'), `alice:${hashSync('correct horse', 4)}\n`);
});

afterEach(async () => {
  await entrepot[Symbol.asyncDispose]();
  await hub.close();
  await folder.remove();
});

async function start(options: Omit<TestEntrepotOptions, 'upstream'> = {}): Promise<void> {
  hub = await FakeHub.start(options.credentials === undefined ? {} : { credentials: options.credentials });
  hub.addImage('library/app', 'v1', image);
  hub.addImage('library/app', 'v2', other);
  entrepot = await TestEntrepot.start({
    ...options,
    upstream: hub.url,
    storage: { deleteEnabled: true, ...options.storage },
  });
}

function get(
  path: string,
  headers: Readonly<Record<string, string>> = {},
  method = 'GET',
): Promise<RawAnswer> {
  return ask(entrepot.url, path, headers, method);
}

function remove(path: string, headers: Readonly<Record<string, string>> = {}): Promise<RawAnswer> {
  return get(path, headers, 'DELETE');
}

/** Pulls an image whole, and waits until all of it is on disk. */
async function pull(
  repository: string,
  tag: string,
  { bytes, config, layers }: Image,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  expect(verdict(await get(`${repository}/manifests/${tag}`, headers), bytes)).toBe('right');
  for (const blob of [config, ...layers]) {
    expect(verdict(await get(`${repository}/blobs/${blob.digest}`, headers), blob.bytes)).toBe('right');
    await vi.waitFor(async () => expect(await files()).toContain(hexOf(blob.digest)));
  }
  hub.clearLog();
}

/** The names of all files of blobs. */
function files(): Promise<readonly string[]> {
  return blobFiles(entrepot.folder);
}

const alice = basic('alice', 'correct horse');

function htpasswd(passthrough = false): Pick<TestEntrepotOptions, 'auth'> {
  return { auth: { htpasswd: { realm: 'mirror', path: folder.join('htpasswd') }, passthrough } };
}

describe('a deletion', () => {
  test('of a tag frees its bytes, and the next pull is a miss', async () => {
    await start();
    await pull(app, 'v1', image);
    await pull(app, 'v2', other);

    const answer = await remove(`${app}/manifests/v1`);
    expect([answer.status, answer.bytes.length]).toStrictEqual([202, 0]);
    const left = await files();
    for (const { digest } of [image.config, ...image.layers]) expect(left).not.toContain(hexOf(digest));
    for (const { digest } of [other.config, ...other.layers]) expect(left).toContain(hexOf(digest));
    expect(hub.requests).toStrictEqual([]);

    const pulled = await get(`${app}/manifests/v1`);
    expect([verdict(pulled, image.bytes), pulled.headers['cache-status']]).toStrictEqual([
      'right',
      'entrepot; fwd=miss',
    ]);
    expect(verdict(await get(`${app}/blobs/${layer.digest}`), layer.bytes)).toBe('right');
    expect(hub.bytesSent(layer.digest)).toBe(layer.size);
  });

  test('of a digest takes all its tags, and a tag of others leaves what they need', async () => {
    await start();
    hub.addImage('library/app', 'same', image);
    await pull(app, 'v1', image);
    await get(`${app}/manifests/same`);

    expect((await remove(`${app}/manifests/same`)).status).toBe(202);
    expect(await files()).toContain(hexOf(layer.digest));
    expect((await remove(`${app}/manifests/${image.digest}`)).status).toBe(202);
    expect(await files()).toStrictEqual([]);
    const gone = await get(`${app}/tags/list`, { origin: 'http://ui.example' });
    expect([gone.status, errorCode(gone)]).toStrictEqual([404, 'NAME_UNKNOWN']);
  });

  test('of an index takes its platforms', async () => {
    await start();
    const index = makeIndex([image, other]);
    hub.addImage('library/multi', 'latest', index);
    const multi = '/v2/library/multi';
    await get(`${multi}/manifests/latest`);
    await pull(multi, image.digest, image);

    expect((await remove(`${multi}/manifests/${index.digest}`)).status).toBe(202);
    expect(await files()).toStrictEqual([]);
    const page = { origin: 'http://ui.example' };
    expect((await get(`${multi}/manifests/${image.digest}`, page)).status).toBe(404);
  });

  test('of what is not held is a 404, whether upstream has it or not', async () => {
    await start();
    for (const [path, code] of [
      [`${app}/manifests/v1`, 'MANIFEST_UNKNOWN'],
      [`${app}/manifests/${image.digest}`, 'MANIFEST_UNKNOWN'],
      ['/v2/not.mirrored.example/app/manifests/v1', 'NAME_UNKNOWN'],
    ] as const) {
      const answer = await remove(path);
      expect([answer.status, errorCode(answer)]).toStrictEqual([404, code]);
    }
    expect(hub.requests).toStrictEqual([]);
  });

  test('is refused where it is not allowed, and removes nothing', async () => {
    await start({ storage: { deleteEnabled: false } });
    await pull(app, 'v1', image);
    const answer = await remove(`${app}/manifests/v1`);
    expect([answer.status, errorCode(answer), answer.headers['allow']]).toStrictEqual([
      405,
      'UNSUPPORTED',
      'GET, HEAD, OPTIONS',
    ]);
    expect(await files()).toContain(hexOf(layer.digest));
  });

  test('lets a pull under way end', async () => {
    await start();
    // More than the buffers of a connection that nobody reads from take in.
    const large = makeImage({ layers: [32_000_000], seed: 3 });
    const [big = large.config] = large.layers;
    hub.addImage('library/app', 'large', large);
    await pull(app, 'large', large);

    using reader = await RawClient.connect(entrepot.url, { deadlineMs: 60_000 });
    reader.request('GET', `${app}/blobs/${big.digest}`);
    const head = await reader.head();
    expect((await remove(`${app}/manifests/large`)).status).toBe(202);
    expect(verdict({ ...head, ...(await reader.body(head)) }, big.bytes)).toBe('right');
    const gone = await get(`${app}/manifests/large`, { origin: 'http://ui.example' });
    expect(gone.status).toBe(404);
  });

  test('of a pinned image is refused, with the pattern that pins it', async () => {
    await start({ pins: ['docker.io/library/app:v1'] });
    hub.addImage('library/app', 'same', image);
    await pull(app, 'v1', image);
    await pull(app, 'v2', other);
    await get(`${app}/manifests/same`);

    for (const reference of ['v1', image.digest]) {
      const answer = await remove(`${app}/manifests/${reference}`);
      expect([answer.status, errorCode(answer)]).toStrictEqual([403, 'DENIED']);
      expect(answer.bytes.toString()).toContain('docker.io/library/app:v1');
    }
    expect((await remove(`${app}/manifests/same`)).status).toBe(202);
    expect((await remove(`${app}/manifests/v2`)).status).toBe(202);
    expect((await files()).includes(hexOf(layer.digest))).toBe(true);
  });

  test('of a part of a pinned image is refused, too', async () => {
    await start({ pins: ['docker.io/library/multi'] });
    const multi = '/v2/library/multi';
    hub.addImage('library/multi', 'latest', makeIndex([image, other]));
    await get(`${multi}/manifests/latest`);
    await get(`${multi}/manifests/${other.digest}`);
    expect((await remove(`${multi}/manifests/${other.digest}`)).status).toBe(403);
  });
});

describe('with accounts', () => {
  test('a deletion wants a login, also where everybody may read, and is logged with it', async () => {
    await start(htpasswd());
    await pull(app, 'v1', image);

    for (const headers of [{}, basic('alice', 'wrong'), basic('mallory', 'guess')]) {
      for (const path of [`${app}/manifests/v1`, `${app}/manifests/v9`]) {
        const answer = await remove(path, headers);
        expect([answer.status, answer.headers['www-authenticate']]).toStrictEqual([
          401,
          'Basic realm="mirror"',
        ]);
      }
    }
    expect(await files()).toContain(hexOf(layer.digest));
    expect((await remove(`${app}/manifests/v1`, alice)).status).toBe(202);
    expect(await files()).toStrictEqual([]);
    expect(entrepot.log).toMatch(/"level":30.*"user":"alice".*"reference":"v1".*deleted from the cache/);
  });

  test('who may not read it cannot tell it from what does not exist', async () => {
    const rules = [{ match: 'docker.io/library/secret', allow: ['user:bob'] }];
    await start({ ...htpasswd(), access: { rules } });
    hub.addImage('library/secret', 'v1', image);
    const refused = await remove('/v2/library/secret/manifests/v1', alice);
    expect([refused.status, errorCode(refused)]).toStrictEqual([403, 'DENIED']);
    const missing = await remove('/v2/library/secret/manifests/v9', alice);
    expect(missing.bytes.toString()).toBe(refused.bytes.toString());
  });

  test("a client's credentials for the registry are for reading alone", async () => {
    await start({ ...htpasswd(true), credentials: robot });
    hub.makePrivate('library/app');
    const own = basic(robot.username, robot.password);
    await pull(app, 'v1', image, own);

    const answer = await remove(`${app}/manifests/v1`, own);
    expect([answer.status, errorCode(answer)]).toStrictEqual([403, 'DENIED']);
    expect(await files()).toContain(hexOf(layer.digest));
    expect((await remove(`${app}/manifests/v1`, alice)).status).toBe(202);
    expect(hub.requests).toStrictEqual([]);
  });
});
