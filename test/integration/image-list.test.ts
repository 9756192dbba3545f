import { writeFile } from 'node:fs/promises';
import { hashSync } from 'bcryptjs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ask, basic, errorCode, verdict } from '../support/ask.ts';
import { eventually } from '../support/deadline.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { makeImage } from '../support/image.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { TestEntrepot, type TestEntrepotOptions } from '../support/test-entrepot.ts';

const path = '/v2/_entrepot/images';
const image = makeImage();
const [layer = image.config] = image.layers;
const accept = { accept: '*/*' };
const robot = { username: 'robot', password: 'upstream-password' };

let hub: FakeHub;
let ghcr: FakeHub;
let entrepot: TestEntrepot;

beforeEach(async () => {
  hub = await FakeHub.start();
  ghcr = await FakeHub.start({ credentials: robot });
  for (const tag of ['1', '2']) hub.addImage('library/node', tag, image);
  hub.addImage('owner/app', 'v1', image);
  ghcr.addImage('owner/app', 'v1', image);
  ghcr.makePrivate('owner/app');
});

afterEach(async () => {
  await entrepot[Symbol.asyncDispose]();
  await hub.close();
  await ghcr.close();
});

async function start(more: Partial<TestEntrepotOptions> = {}): Promise<void> {
  const others = [
    { name: 'ghcr.io', url: ghcr.url, credentials: robot, listen: { host: '127.0.0.1', port: 0 } },
  ];
  entrepot = await TestEntrepot.start({ upstream: hub.url, others, pins: ['node:2'], ...more });
}

async function listed(
  query = '',
  headers: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  const { bytes } = await ask(entrepot.url, `${path}${query}`, headers);
  const { images } = JSON.parse(bytes.toString()) as {
    readonly images: readonly { readonly image: string }[];
  };
  return images.map((one) => one.image);
}

describe('the list of images', () => {
  beforeEach(async () => {
    await start({ access: { private: 'allow' } });
    for (const one of ['node/manifests/2', 'node/manifests/1', `owner/app/manifests/${image.digest}`]) {
      await ask(entrepot.url, `/v2/${one}`, accept);
    }
    await ask(entrepot.url, '/v2/ghcr.io/owner/app/manifests/v1', accept);
    await ask(entrepot.url, `/v2/node/blobs/${layer.digest}`);
    hub.clearLog();
    ghcr.clearLog();
  });

  test('has what is cached, with its pins, and asks no upstream', async () => {
    let answer = await ask(entrepot.url, path);
    // A blob counts once it is recorded, which may be after it was given out.
    await eventually(60_000, 'the blob to count', async () => {
      answer = await ask(entrepot.url, path);
      return answer.bytes.includes(`"bytes":${image.size + layer.size}`);
    });

    const facts = { digest: image.digest, mediaType: image.mediaType, complete: false };
    expect(JSON.parse(answer.bytes.toString())).toEqual({
      images: [
        {
          image: 'docker.io/library/node:1',
          upstream: 'docker.io',
          repository: 'library/node',
          tag: '1',
          bytes: image.size + layer.size,
          pinned: false,
          checkedAt: expect.any(Number) as number,
          ...facts,
        },
        expect.objectContaining({ image: 'docker.io/library/node:2', pinned: true }),
        expect.objectContaining({ image: `docker.io/owner/app@${image.digest}`, tag: null, checkedAt: null }),
        expect.objectContaining({ image: 'ghcr.io/owner/app:v1', upstream: 'ghcr.io', ...facts }),
      ],
    });
    expect([...hub.requests, ...ghcr.requests]).toEqual([]);
  });

  test('comes page by page', async () => {
    const whole = await listed();
    let query: string | undefined = `?n=1`;
    const pages: string[] = [];
    while (query !== undefined) {
      const answer = await ask(entrepot.url, `${path}${query}`);
      pages.push(...(await listed(query)));
      query = /<\/v2\/_entrepot\/images(\?[^>]*)>; rel="next"/.exec(answer.headers['link'] ?? '')?.[1];
    }
    expect(pages).toEqual(whole);
    expect(await listed('?n=0')).toEqual([]);
    expect(await listed(`?last=${encodeURIComponent(`ghcr.io/owner/app:v1@${image.digest}`)}`)).toEqual([]);
  });

  test.each(['node', 'docker.io/library/node:1', `docker.io/UPPER@${image.digest}`, '%00'])(
    'begins nowhere after %s',
    async (last) => {
      const answer = await ask(entrepot.url, `${path}?last=${last}`);
      expect([answer.status, errorCode(answer)]).toEqual([400, 'NAME_INVALID']);
    },
  );

  test('is that of one upstream at an address of its own', async () => {
    const { bytes } = await ask(entrepot.urlOf('ghcr.io'), path);
    expect(JSON.parse(bytes.toString())).toMatchObject({ images: [{ image: 'ghcr.io/owner/app:v1' }] });
  });
});

test('a reader sees only what it may read', async () => {
  await using folder = await TempFolder.create();
  await writeFile(folder.join('htpasswd'), `alice:${hashSync('pw', 4)}\nbob:${hashSync('pw', 4)}\n`);
  await start({
    auth: { htpasswd: { realm: 'x', path: folder.join('htpasswd') } },
    access: { anonymous: 'deny', rules: [{ match: 'docker.io/owner/**', allow: ['user:bob'] }] },
  });
  const [alice, bob] = [basic('alice', 'pw'), basic('bob', 'pw')];
  for (const one of ['node/manifests/1', 'owner/app/manifests/v1', 'ghcr.io/owner/app/manifests/v1']) {
    expect((await ask(entrepot.url, `/v2/${one}`, { ...accept, ...bob })).status).toBe(200);
  }

  expect((await ask(entrepot.url, path)).status).toBe(401);
  expect(await listed('', bob)).toHaveLength(3);
  expect(await listed('', alice)).toEqual(['docker.io/library/node:1', 'ghcr.io/owner/app:v1']);
});

// https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1.7
test('a client that wants only what is cached gets that, and no upstream is asked', async () => {
  await start();
  await ask(entrepot.url, '/v2/node/manifests/1', accept);
  hub.clearLog();
  entrepot.clock.advance(3_600_000);
  const headers = { ...accept, 'cache-control': 'only-if-cached' };

  expect(verdict(await ask(entrepot.url, '/v2/node/manifests/1', headers), image.bytes)).toBe('right');
  expect((await ask(entrepot.url, '/v2/node/manifests/2', headers)).status).toBe(404);
  expect((await ask(entrepot.url, `/v2/node/blobs/${layer.digest}`, headers)).status).toBe(404);
  expect((await ask(entrepot.url, '/v2/node/tags/list', headers)).status).toBe(200);
  expect(hub.requests).toEqual([]);
});
