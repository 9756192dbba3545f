import { writeFile } from 'node:fs/promises';
import { hashSync } from 'bcryptjs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ask, basic, errorCode, verdict } from '../support/ask.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { makeImage } from '../support/image.ts';
import type { RawAnswer } from '../support/raw-client.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { TestEntrepot, type TestEntrepotOptions } from '../support/test-entrepot.ts';

const image = makeImage({ layers: [200_000] });
const [layer = image.config] = image.layers;
const robot = { username: 'robot', password: 'upstream-password' };
const hash = hashSync('correct horse', 4);
const wrongHash = hashSync('battery staple', 4);
const challenge = 'Basic realm="Class \\"9b\\""';

let folder: TempFolder;
let hub: FakeHub;
let entrepot: TestEntrepot;

beforeEach(async () => {
  folder = await TempFolder.create();
  await writeFile(folder.join('htpasswd'), `alice:${hash}\nbob:${wrongHash}\n`);
  hub = await FakeHub.start({ credentials: robot });
  for (const repository of ['acme/private', 'acme/public']) hub.addImage(repository, 'v1', image);
  hub.makePrivate('acme/private');
});

afterEach(async () => {
  await entrepot[Symbol.asyncDispose]();
  await hub.close();
  await folder.remove();
});

async function start(
  passthrough = false,
  more: Pick<TestEntrepotOptions, 'access' | 'http' | 'storage'> = {},
): Promise<void> {
  const htpasswd = { realm: 'Class "9b"', path: folder.join('htpasswd') };
  const auth = { htpasswd, passthrough };
  entrepot = await TestEntrepot.start({ upstream: hub.url, credentials: robot, auth, ...more });
}

const alice = basic('alice', 'correct horse');

function get(
  path: string,
  headers: Readonly<Record<string, string>> = {},
  method = 'GET',
): Promise<RawAnswer> {
  return ask(entrepot.url, path, headers, method);
}

/** Everything of an answer but when it was given and its number. */
function told({ status, headers, bytes }: RawAnswer): unknown {
  const { date: _date, 'x-request-id': _id, ...rest } = headers;
  return { status, headers: rest, body: bytes.toString().replaceAll('acme/missing', 'acme/private') };
}

describe('docker login', () => {
  beforeEach(() => start());

  test('is asked for with a challenge, succeeds with the right password and fails with a wrong one', async () => {
    const ping = await get('/v2/');
    expect([ping.status, errorCode(ping), ping.headers['www-authenticate']]).toStrictEqual([
      401,
      'UNAUTHORIZED',
      challenge,
    ]);
    expect((await get('/v2/', alice)).status).toBe(200);
    expect((await get('/v2/', basic('alice', 'wrong'))).status).toBe(401);
    expect((await get('/v2/', basic('mallory', 'correct horse'))).status).toBe(401);
  });

  test('counts with an account added while the mirror runs', async () => {
    await writeFile(folder.join('htpasswd'), `alice:${hash}\nbob:${wrongHash}\ncarol:${hash}\n`);
    entrepot.clock.advance(1000);
    expect((await get('/v2/', basic('carol', 'correct horse'))).status).toBe(200);
  });

  test('of an account removed while the mirror runs counts no more, though it was just good', async () => {
    expect((await get('/v2/', alice)).status).toBe(200);
    await writeFile(folder.join('htpasswd'), `bob:${wrongHash}\n`);
    entrepot.clock.advance(1000);
    expect((await get('/v2/', alice)).status).toBe(401);
  });
});

describe('a private image', () => {
  beforeEach(() => start());

  test('is pulled by who has logged in, as dockerd does it', async () => {
    expect((await get('/v2/')).status).toBe(401);
    const head = await get('/v2/acme/private/manifests/v1', alice, 'HEAD');
    expect(head.status).toBe(200);
    const manifest = await get(`/v2/acme/private/manifests/${image.digest}`, alice);
    expect(verdict(manifest, image.bytes)).toBe('right');
    const blob = await get(`/v2/acme/private/blobs/${layer.digest}`, alice);
    expect(verdict(blob, layer.bytes)).toBe('right');
  });

  test('and one that does not exist are told alike to who has not, cached or not, as podman and containerd ask', async () => {
    const shown = [{}, basic('', ''), basic('moby', 'of-docker-hub'), { 'user-agent': 'containerd/v2.1.0' }];
    const compare = async (): Promise<void> => {
      for (const headers of shown) {
        for (const what of [
          'manifests/v1',
          `manifests/${image.digest}`,
          `blobs/${layer.digest}`,
          'tags/list',
          `referrers/${image.digest}`,
          'manifests/v1?ns=docker.io',
        ]) {
          const hidden = await get(`/v2/acme/private/${what}`, headers);
          expect(told(hidden), what).toStrictEqual(told(await get(`/v2/acme/missing/${what}`, headers)));
          expect([hidden.status, hidden.headers['www-authenticate']], what).toStrictEqual([401, challenge]);
        }
      }
    };
    await compare();
    await get('/v2/acme/private/manifests/v1', alice);
    await get(`/v2/acme/private/blobs/${layer.digest}`, alice);
    await compare();
  });

  test('is pulled by containerd, which learns of the login from the answer to the pull', async () => {
    const containerd = { 'user-agent': 'containerd/v2.1.0' };
    const path = '/v2/acme/private/manifests/v1?ns=docker.io';
    const first = await get(path, containerd, 'HEAD');
    expect([first.status, first.headers['www-authenticate']]).toStrictEqual([401, challenge]);
    const second = await get(path, { ...containerd, ...alice }, 'HEAD');
    expect([second.status, second.headers['oci-namespace']]).toStrictEqual([200, 'docker.io']);
  });

  test('is in no catalog and no search of who may not read it', async () => {
    await get('/v2/acme/private/manifests/v1', alice);
    await get('/v2/acme/public/manifests/v1');
    expect((await get('/v2/_catalog')).bytes.toString()).toBe('{"repositories":["acme/public"]}\n');
    expect((await get('/v2/_catalog', alice)).bytes.toString()).toContain('acme/private');
    const search = await get('/v1/search?q=acme&n=25');
    expect([search.status, search.bytes.toString().includes('acme/private')]).toStrictEqual([200, false]);
  });
});

describe('a public image', () => {
  beforeEach(() => start());

  test.each([
    ['nobody', {}],
    ['podman without a login, which shows an empty one', basic('', '')],
    ['dockerd with its login of Docker Hub', basic('moby', 'of-docker-hub')],
    ['who has logged in', alice],
  ])('is pulled by %s', async (_who, headers: Readonly<Record<string, string>>) => {
    const manifest = await get('/v2/acme/public/manifests/v1', headers);
    expect(verdict(manifest, image.bytes)).toBe('right');
    const blob = await get(`/v2/acme/public/blobs/${layer.digest}`, headers);
    expect(verdict(blob, layer.bytes)).toBe('right');
  });
});

describe('an address without logins, beside the one that has them', () => {
  beforeEach(() => start(false, { http: { publicAddr: { host: '127.0.0.1', port: 0 } } }));

  function openly(
    path: string,
    headers: Readonly<Record<string, string>> = {},
    method = 'GET',
  ): Promise<RawAnswer> {
    return ask(entrepot.publicUrl, path, headers, method);
  }

  test.each([
    ['nobody', {}],
    ['dockerd with its login of Docker Hub', basic('moby', 'of-docker-hub')],
    ['who could log in at the other one', alice],
  ])('gives a public image to %s, who is not asked to log in', async (_who, headers) => {
    const ping = await openly('/v2/', headers);
    expect([ping.status, ping.headers['www-authenticate']]).toStrictEqual([200, undefined]);
    for (let round = 0; round < 2; round += 1) {
      const manifest = await openly('/v2/acme/public/manifests/v1', headers);
      expect(verdict(manifest, image.bytes)).toBe('right');
      const blob = await openly(`/v2/acme/public/blobs/${layer.digest}`, headers);
      expect(verdict(blob, layer.bytes)).toBe('right');
    }
  });

  test('gives a private image to nobody, cached or not, and tells it from no other that is absent', async () => {
    const compare = async (): Promise<void> => {
      for (const headers of [{}, alice, basic('moby', 'of-docker-hub')]) {
        for (const what of [
          'manifests/v1',
          `manifests/${image.digest}`,
          `blobs/${layer.digest}`,
          'tags/list',
          `referrers/${image.digest}`,
        ]) {
          const hidden = await openly(`/v2/acme/private/${what}`, headers);
          expect(told(hidden), what).toStrictEqual(told(await openly(`/v2/acme/missing/${what}`, headers)));
          expect([hidden.status, hidden.headers['www-authenticate']], what).toStrictEqual([404, undefined]);
          expect(hidden.bytes.toString()).toContain('log in at the login address of this mirror');
        }
      }
    };
    await compare();
    expect((await get('/v2/acme/private/manifests/v1', alice)).status).toBe(200);
    await get(`/v2/acme/private/blobs/${layer.digest}`, alice);
    await compare();
    expect((await openly('/v2/_catalog', alice)).bytes.toString()).not.toContain('acme/private');
    expect((await openly('/healthz')).status).toBe(200);
  });

  test('takes no deletion from who could log in elsewhere', async () => {
    await entrepot[Symbol.asyncDispose]();
    await start(false, {
      http: { publicAddr: { host: '127.0.0.1', port: 0 } },
      storage: { deleteEnabled: true },
    });
    const path = '/v2/acme/public/manifests/v1';
    await openly(path);
    const refused = await openly(path, alice, 'DELETE');
    expect([refused.status, errorCode(refused)]).toStrictEqual([403, 'DENIED']);
    expect((await get(path, alice, 'DELETE')).status).toBe(202);
  });

  test('says in words, without a challenge, what rules keep for those who log in', async () => {
    await entrepot[Symbol.asyncDispose]();
    await start(false, {
      http: { publicAddr: { host: '127.0.0.1', port: 0 } },
      access: { rules: [{ match: '**', allow: ['user:alice'] }] },
    });
    const refused = await openly('/v2/acme/public/manifests/v1', alice);
    expect([refused.status, errorCode(refused), refused.headers['www-authenticate']]).toStrictEqual([
      403,
      'DENIED',
      undefined,
    ]);
    expect(refused.bytes.toString()).toContain('log in at the login address');
  });
});

describe('where all have to log in', () => {
  beforeEach(() => start(false, { access: { anonymous: 'deny' } }));

  test('nothing is given or told to who has not, of what is public and cached either', async () => {
    expect((await get('/v2/acme/public/manifests/v1', alice)).status).toBe(200);
    await get(`/v2/acme/public/blobs/${layer.digest}`, alice);
    hub.clearLog();
    for (const headers of [{}, basic('', ''), basic('moby', 'of-docker-hub'), basic('alice', 'wrong')]) {
      for (const [method, path] of [
        ['GET', '/v2/'],
        ['GET', '/v2/acme/public/manifests/v1'],
        ['HEAD', '/v2/acme/public/manifests/v1'],
        ['GET', `/v2/acme/public/blobs/${layer.digest}`],
        ['GET', '/v2/acme/public/tags/list'],
        ['GET', `/v2/acme/public/referrers/${image.digest}`],
        ['GET', '/v2/acme/public/manifests/.no-tag'],
        ['GET', '/v2/quay.io/acme/public/manifests/v1'],
        ['GET', '/v2/_catalog'],
        ['GET', '/v1/search?q=acme'],
        ['POST', '/v2/acme/public/blobs/uploads/'],
      ] as const) {
        const answer = await get(path, headers, method);
        expect([answer.status, answer.headers['www-authenticate']], path).toStrictEqual([401, challenge]);
      }
    }
    expect(hub.requests).toStrictEqual([]);
  });
});

describe('a flood of wrong passwords', () => {
  test('stops neither pulls nor those who have logged in', async () => {
    await start();
    await get('/v2/acme/public/manifests/v1');
    expect((await get('/v2/', alice)).status).toBe(200);
    // Dear ones, so that they are sure to pile up.
    await writeFile(folder.join('htpasswd'), `alice:${hash}\nbob:${wrongHash.replace('$04$', '$13$')}\n`);
    entrepot.clock.advance(1000);
    const flood = Array.from({ length: 40 }, (_, index) =>
      get('/v2/', basic('bob', `wrong ${index}`)).then(
        ({ status }) => status,
        () => 0,
      ),
    );
    const pull = await get('/v2/acme/public/manifests/v1');
    expect(verdict(pull, image.bytes)).toBe('right');
    expect((await get('/v2/', alice)).status).toBe(200);
    await entrepot.stop();
    const statuses = await Promise.all(flood);
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(10);
    expect(statuses).not.toContain(200);
  });
});

describe('passthrough', () => {
  beforeEach(() => start(true));

  test('lets who can read an image upstream read it here, and nobody else', async () => {
    const manifest = '/v2/acme/private/manifests/v1';
    expect(verdict(await get(manifest, basic(robot.username, robot.password)), image.bytes)).toBe('right');
    const refused = await get(manifest, basic('robot', 'wrong'));
    expect([refused.status, refused.bytes.toString()]).toStrictEqual([
      404,
      expect.stringContaining('no such image, or one that this login at the registry may not read'),
    ]);
    const absent = await get('/v2/acme/missing/manifests/v1', basic('robot', 'wrong'));
    expect(told(refused)).toStrictEqual(told(absent));
    const nobody = await get(manifest);
    expect([nobody.status, nobody.headers['www-authenticate']]).toStrictEqual([401, challenge]);
  });

  test('shows no upstream a wrong password of an account of the mirror', async () => {
    await get('/v2/acme/private/manifests/v1', basic('alice', 'wrong-for-alice'));
    const sent = hub.requests.map(({ headers }) => headers.authorization ?? '');
    expect(sent).not.toContain(basic('alice', 'wrong-for-alice').authorization);
    expect(hub.requests.length).toBeGreaterThan(0);
  });
});

test.each([false, true])('no password is in any log or answer (passthrough: %s)', async (passthrough) => {
  await start(passthrough);
  const secrets = ['correct horse', 'wr0ng-horse', 'of-docker-hub', robot.password];
  const logins = [
    alice,
    basic('alice', 'wr0ng-horse'),
    basic('moby', 'of-docker-hub'),
    basic(robot.username, robot.password),
    { authorization: 'Bearer wr0ng-horse' },
    { authorization: 'wr0ng-horse' },
  ];
  const answers: string[] = [];
  for (const headers of logins) {
    for (const path of [
      '/v2/',
      '/v2/acme/private/manifests/v1',
      '/v2/acme/missing/tags/list?ns=docker.io',
      '/v2/_catalog',
    ]) {
      const { headers: given, bytes } = await get(path, headers);
      answers.push(JSON.stringify(given), bytes.toString());
    }
  }
  await entrepot.stop();
  const everything = [entrepot.log, ...answers].join('\n');
  expect(everything).toContain('"user":"alice"');
  expect(everything).toContain('a login was refused');
  const encoded = logins.map(({ authorization }) => authorization.replace(/^\S+ /, ''));
  const leaked = [...secrets, ...encoded, hash, wrongHash].filter((secret) => everything.includes(secret));
  expect(leaked).toStrictEqual([]);
});

test('a password file with another kind of hash is refused at the start', async () => {
  await start();
  await writeFile(folder.join('htpasswd'), 'alice:{SHA}fEqNCco3Yq9h5ZUglD3CZJT4lBs=\n');
  await expect(entrepot.restart()).rejects.toThrow(
    /htpasswd, line 1: the password of alice is hashed with SHA-1/,
  );
});
