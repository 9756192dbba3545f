import { writeFile } from 'node:fs/promises';
import { hashSync } from 'bcryptjs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ask, errorCode, verdict } from '../support/ask.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { makeImage } from '../support/image.ts';
import type { RawAnswer } from '../support/raw-client.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { TestEntrepot, type TestEntrepotOptions } from '../support/test-entrepot.ts';

const image = makeImage({ layers: [100_000] });
const other = makeImage({ layers: [1000], seed: 2 });
const origin = 'http://ui.example';
const app = '/v2/library/app';
const hour = 60 * 60 * 1000;

/** As operators write them for registry:2. */
const headers = {
  'Access-Control-Allow-Origin': [origin],
  'Access-Control-Allow-Credentials': ['true'],
  'Access-Control-Allow-Methods': ['HEAD', 'GET', 'OPTIONS', 'DELETE'],
  'Access-Control-Allow-Headers': ['Authorization', 'Accept', 'Cache-Control'],
  'Access-Control-Expose-Headers': ['Docker-Content-Digest'],
  'Access-Control-Max-Age': ['1728000'],
};

let hub: FakeHub;
let folder: TempFolder;
let entrepot: TestEntrepot;

beforeEach(async () => {
  folder = await TempFolder.create();
  await writeFile(folder.join('htpasswd'), `alice:${hashSync('correct horse', 4)}\n`);
  hub = await FakeHub.start();
  hub.addImage('library/app', 'v1', image);
  hub.addImage('library/app', 'v2', other);
});

afterEach(async () => {
  await entrepot[Symbol.asyncDispose]();
  await hub.close();
  await folder.remove();
});

/** A mirror that has pulled `app:v1`. */
async function start(options: Omit<TestEntrepotOptions, 'upstream' | 'http'> = {}): Promise<void> {
  entrepot = await TestEntrepot.start({ ...options, upstream: hub.url, http: { headers } });
  await ask(entrepot.url, `${app}/manifests/v1`, alice);
  for (const { digest } of [image.config, ...image.layers]) {
    await ask(entrepot.url, `${app}/blobs/${digest}`, alice);
    const held = { ...alice, origin };
    await vi.waitFor(async () =>
      expect((await ask(entrepot.url, `${app}/blobs/${digest}`, held, 'HEAD')).status).toBe(200),
    );
  }
  hub.clearLog();
}

const alice = { authorization: `Basic ${Buffer.from('alice:correct horse').toString('base64')}` };

function withAccounts(): Pick<TestEntrepotOptions, 'auth' | 'access'> {
  return {
    auth: { htpasswd: { realm: 'mirror', path: folder.join('htpasswd') } },
    access: { anonymous: 'deny' },
  };
}

function page(path: string, more: Readonly<Record<string, string>> = {}, method = 'GET'): Promise<RawAnswer> {
  return ask(entrepot.url, path, { origin, ...more }, method);
}

describe('a web page', () => {
  test('causes no request upstream, whatever it looks at and however old that is', async () => {
    await start();
    entrepot.clock.advance(100 * hour);

    expect(verdict(await page(`${app}/manifests/v1`), image.bytes)).toBe('right');
    expect(verdict(await page(`${app}/manifests/${image.digest}`), image.bytes)).toBe('right');
    expect(verdict(await page(`${app}/blobs/${image.config.digest}`), image.config.bytes)).toBe('right');
    expect((await page('/v2/_catalog?n=1000')).bytes.toString()).toContain('library/app');
    expect(JSON.parse((await page(`${app}/tags/list`)).bytes.toString())).toMatchObject({ tags: ['v1'] });
    expect((await page(`${app}/referrers/${image.digest}`)).status).toBe(200);
    expect((await page('/v1/search?q=app')).status).toBe(200);
    for (const [path, code] of [
      [`${app}/manifests/v2`, 'MANIFEST_UNKNOWN'],
      [`${app}/manifests/${other.digest}`, 'MANIFEST_UNKNOWN'],
      [`${app}/blobs/${other.config.digest}`, 'BLOB_UNKNOWN'],
      ['/v2/library/other/tags/list', 'NAME_UNKNOWN'],
    ] as const) {
      const answer = await page(path);
      expect([answer.status, errorCode(answer)], path).toStrictEqual([404, code]);
    }
    expect(hub.requests).toStrictEqual([]);

    // A client that asks for the same is served as ever.
    expect(verdict(await ask(entrepot.url, `${app}/manifests/v2`), other.bytes)).toBe('right');
    expect(hub.pulls).toBe(1);
  });

  test('of another origin may read every answer, refusals as well', async () => {
    await start(withAccounts());
    for (const [path, more, status] of [
      [`${app}/manifests/v1`, alice, 200],
      [`${app}/manifests/v1`, {}, 401],
      ['/v2/_catalog', {}, 401],
      [`${app}/manifests/v2`, alice, 404],
    ] as const) {
      const answer = await page(path, more);
      expect(answer.status).toBe(status);
      expect(answer.headers).toMatchObject({
        'access-control-allow-origin': origin,
        'access-control-allow-credentials': 'true',
        'access-control-expose-headers': 'Docker-Content-Digest',
      });
    }
    const refused = await page(`${app}/manifests/v1`, alice, 'DELETE');
    expect([refused.status, refused.headers['access-control-allow-origin']]).toStrictEqual([405, origin]);
  });

  test.each([true, false])(
    'is let ask by a preflight, which has no credentials, where deletions are allowed (%s)',
    async (deleteEnabled) => {
      await start({ ...withAccounts(), storage: { deleteEnabled } });
      for (const path of [`${app}/manifests/v1`, `${app}/tags/list`, '/v2/_catalog']) {
        const preflight = {
          'access-control-request-method': 'DELETE',
          'access-control-request-headers': 'accept',
        };
        const answer = await page(path, preflight, 'OPTIONS');
        expect(answer.status).toBe(200);
        expect(answer.headers).toMatchObject({
          'access-control-allow-methods': 'HEAD, GET, OPTIONS, DELETE',
          'access-control-allow-headers': 'Authorization, Accept, Cache-Control',
          'access-control-max-age': '1728000',
        });
      }
    },
  );
});
