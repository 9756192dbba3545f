import { writeFile } from 'node:fs/promises';
import { hashSync } from 'bcryptjs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ask, verdict } from '../support/ask.ts';
import { makeArtifact } from '../support/artifact.ts';
import { eventually } from '../support/deadline.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { makeImage, makeIndex, type Image } from '../support/image.ts';
import { selfSigned } from '../support/self-signed.ts';
import { SyncFixture } from '../support/sync-fixture.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { TestEntrepot, type TestEntrepotOptions } from '../support/test-entrepot.ts';
import { scriptedServer } from './upstream/harness.ts';
import { parsePlatforms, platformText, thisPlatform } from '../../src/oci/platform.ts';

const accept = { accept: '*/*' };
const amd64 = makeImage({ seed: 1, oci: true });
const arm64 = makeImage({ seed: 2, oci: true });
const node = makeIndex([amd64, arm64], { oci: true });
const app = makeImage({ seed: 3, layers: [300_000, 4_000] });
const signature = makeArtifact({ subject: app, artifactType: 'application/vnd.example.signature' });
const cosign = makeArtifact({ text: 'cosign' });
const [layer = app.config] = app.layers;
const all = { platform: 'all' } as const;
const onlyAmd64 = { platform: parsePlatforms('linux/amd64') };

let hub: FakeHub;
let ghcr: FakeHub;
let school: TestEntrepot;
let laptop: SyncFixture;

beforeEach(async () => {
  hub = await FakeHub.start();
  ghcr = await FakeHub.start();
  hub.addImage('library/node', '18', node);
  ghcr.addImage('owner/app', 'v1', app);
  ghcr.addArtifact('owner/app', signature);
  ghcr.addArtifact('owner/app', cosign, `${app.digest.replace(':', '-')}.sig`);
  laptop = await SyncFixture.open();
});

afterEach(async () => {
  await laptop[Symbol.asyncDispose]();
  await school[Symbol.asyncDispose]();
  await hub.close();
  await ghcr.close();
});

async function startSchool(more: Partial<TestEntrepotOptions> = {}): Promise<void> {
  school = await TestEntrepot.start({
    upstream: hub.url,
    others: [{ name: 'ghcr.io', url: ghcr.url }],
    pins: ['ghcr.io/owner/app:v1'],
    ...more,
  });
}

/** Pulls an image from the school, whole. */
async function pull(path: string, tag: string, image: Image): Promise<void> {
  for (const [kind, reference] of [
    ['manifests', tag],
    ['manifests', image.digest],
    ...[image.config, ...image.layers].map(({ digest }) => ['blobs', digest] as const),
  ] as const) {
    expect((await ask(school.url, `/v2/${path}/${kind}/${reference}`, accept)).status).toBe(200);
  }
}

/** Expects that a client gets an image from the laptop. */
async function expectImage(path: string, image: Image): Promise<void> {
  expect(verdict(await laptop.get(`/v2/${path}/manifests/${image.digest}`), image.bytes)).toBe('right');
  for (const { digest, bytes } of [image.config, ...image.layers]) {
    expect(verdict(await laptop.get(`/v2/${path}/blobs/${digest}`), bytes)).toBe('right');
  }
}

describe('all that another Entrepot has', () => {
  beforeEach(async () => {
    await startSchool();
    await pull('library/node', '18', amd64);
    await pull('ghcr.io/owner/app', 'v1', app);
    await ask(school.url, `/v2/ghcr.io/owner/app/referrers/${app.digest}`);
    await ask(school.url, `/v2/ghcr.io/owner/app/manifests/${signature.digest}`, accept);
    for (const { digest } of signature.blobs) await ask(school.url, `/v2/ghcr.io/owner/app/blobs/${digest}`);
    await eventually(60_000, 'the school to have recorded all', async () => {
      const { bytes } = await ask(school.url, '/v2/_entrepot/images');
      return !bytes.includes('"complete":false');
    });
    hub.clearLog();
    ghcr.clearLog();
  });

  test.each(['running', 'stopped'])(
    'comes with tags, pins and referrers to one that is %s',
    async (state) => {
      if (state === 'stopped') await laptop.mirror.stop();

      const { code, images } = await laptop.sync(school.url);

      expect(images.toSorted((a, b) => (a.image < b.image ? -1 : 1))).toMatchObject([
        { image: 'docker.io/library/node:18', state: 'complete', platforms: ['linux/amd64'], failures: [] },
        {
          image: 'ghcr.io/owner/app:v1',
          state: 'complete',
          platforms: [platformText(thisPlatform())],
          failures: [],
        },
      ]);
      expect(code).toBe(0);
      expect([...hub.requests, ...ghcr.requests]).toEqual([]);

      if (state === 'stopped') await laptop.mirror.start();
      await school.stop();
      expect(verdict(await laptop.get('/v2/library/node/manifests/18'), node.bytes)).toBe('right');
      await expectImage('library/node', amd64);
      expect((await laptop.get(`/v2/library/node/manifests/${arm64.digest}`)).status).not.toBe(200);
      expect(verdict(await laptop.get('/v2/ghcr.io/owner/app/manifests/v1'), app.bytes)).toBe('right');
      await expectImage('ghcr.io/owner/app', app);
      const referrers = await laptop.get(`/v2/ghcr.io/owner/app/referrers/${app.digest}`);
      expect(JSON.parse(referrers.bytes.toString())).toMatchObject({
        manifests: [{ digest: signature.digest }],
      });
      const { bytes } = await laptop.get('/v2/_entrepot/images');
      expect(JSON.parse(bytes.toString())).toMatchObject({
        images: [
          { image: 'docker.io/library/node:18', pinned: false },
          { image: 'ghcr.io/owner/app:v1', pinned: true },
        ],
      });
    },
  );

  test('comes once: what is here is not fetched again', async () => {
    await laptop.sync(school.url);
    const { code, events } = await laptop.sync(school.url);

    expect(code).toBe(0);
    expect(events.at(-1)).toMatchObject({
      type: 'report',
      report: { images: 2, failed: 0, fetchedBytes: 0 },
    });
  });

  test('comes without what is excluded', async () => {
    const { code, images } = await laptop.sync(school.url, [], { exclude: ['ghcr.io/*'] });

    expect([code, images.map(({ image }) => image)]).toEqual([0, ['docker.io/library/node:18']]);
  });
});

describe('named images', () => {
  beforeEach(() => startSchool());

  test('come through the other Entrepot, which may fetch them, and never from their registry', async () => {
    const { code, images } = await laptop.sync(school.url, ['node:18', 'ghcr.io/owner/app:v1'], all);

    expect(images).toMatchObject([{ state: 'complete' }, { state: 'complete' }]);
    expect(images.map(({ platforms }) => platforms.toSorted())).toContainEqual([
      'linux/amd64',
      'linux/arm64',
    ]);
    expect(code).toBe(0);
    await school.stop();
    await expectImage('library/node', amd64);
    await expectImage('library/node', arm64);
    await expectImage('ghcr.io/owner/app', app);
    const sig = `/v2/ghcr.io/owner/app/manifests/${app.digest.replace(':', '-')}.sig`;
    expect(verdict(await laptop.get(sig), cosign.bytes)).toBe('right');
  });

  test('come for the platforms that are wanted, or not at all', async () => {
    const wanted = { platform: parsePlatforms('linux/amd64,linux/s390x') };
    const { code, images } = await laptop.sync(school.url, ['node:18'], wanted);

    expect(code).toBe(1);
    expect(images).toMatchObject([
      {
        state: 'failed',
        failures: [
          {
            what: 'linux/s390x',
            reason: expect.stringContaining('it has linux/amd64, linux/arm64') as string,
          },
        ],
      },
    ]);
    await expectImage('library/node', amd64);
  });

  test('keep tag and digest where both are named', async () => {
    const { code } = await laptop.sync(school.url, [`ghcr.io/owner/app:mine@${app.digest}`]);

    expect(code).toBe(0);
    expect(verdict(await laptop.get('/v2/ghcr.io/owner/app/manifests/mine'), app.bytes)).toBe('right');
  });

  test('that are not there, or not mirrored here, are told, and the others come', async () => {
    const names = ['node:99', 'quay.io/a/b:1', 'ghcr.io/owner/app:v1'];
    const { code, images } = await laptop.sync(school.url, names, onlyAmd64);

    expect(code).toBe(1);
    expect(
      Object.fromEntries(images.map(({ image, failures }) => [image, failures[0]?.reason ?? ''])),
    ).toEqual({
      'docker.io/library/node:99': expect.stringContaining('404') as string,
      'quay.io/a/b:1': expect.stringContaining('not mirrored here') as string,
      'ghcr.io/owner/app:v1': '',
    });
    // The image's name comes before it where this is told.
    expect(images[0]?.failures[0]?.what).toBe('the image');
  });

  test('come from a registry that is no Entrepot, under the names of their own', async () => {
    const { code } = await laptop.sync(hub.url, ['node:18'], all);

    expect(code).toBe(0);
    await expectImage('library/node', arm64);
  });

  test('of other registries come from there only if it is said where it has them', async () => {
    const refused = await laptop.sync(ghcr.url, ['ghcr.io/owner/app:v1']);
    expect([refused.code, refused.err]).toEqual([
      2,
      expect.stringContaining("--path '{registry}/{repository}'"),
    ]);

    ghcr.addImage('cache/ghcr.io/owner/app', 'v1', app);
    const path = 'cache/{registry}/{repository}';
    expect((await laptop.sync(ghcr.url, ['ghcr.io/owner/app:v1'], { path })).code).toBe(0);
    await expectImage('ghcr.io/owner/app', app);
  });

  test('have to be named there', async () => {
    const { code, err } = await laptop.sync(hub.url);
    expect([code, err]).toEqual([2, expect.stringContaining('is no Entrepot that lists its images')]);
  });
});

describe('a download that breaks', () => {
  beforeEach(() => startSchool());

  test('goes on where it was, with the same run', async () => {
    hub.addImage('library/big', '1', app);
    hub.fault({ on: 'blob', kind: 'cut', afterBytes: 100_000, match: layer.digest, times: 2 });

    expect((await laptop.sync(hub.url, ['big:1'])).code).toBe(0);
    expect(hub.bytesSent(layer.digest)).toBe(layer.size);
  });

  test('goes on where it was, with the next run', async () => {
    const big = makeImage({ seed: 4, layers: [5_000_000] });
    const [only = big.config] = big.layers;
    hub.addImage('library/big', '1', big);
    const cut = hub.fault({ on: 'blob', kind: 'cut', afterBytes: 4_000_000, match: only.digest, times: 1 });
    hub.fault({ on: 'blob', kind: 'refuse-range', status: 404, match: only.digest });

    const { code, images } = await laptop.sync(hub.url, ['big:1']);
    expect([code, cut.hits]).toEqual([1, 1]);
    expect(images).toMatchObject([{ state: 'failed', failures: [{ what: `blob ${only.digest}` }] }]);
    expect((await laptop.get('/v2/library/big/manifests/1')).status).not.toBe(200);

    hub.clearFaults();
    const again = await laptop.sync(hub.url, ['big:1']);
    expect(again.code).toBe(0);
    // What was on its way to the disk, and nothing else, comes once more.
    expect(hub.bytesSent(only.digest)).toBeLessThan(only.size + 1_200_000);
    expect(again.images[0]?.heldBytes).toBeGreaterThan(2_800_000);
    await expectImage('library/big', big);
  });

  test('ends all that is left at once where nothing answers any more', async () => {
    hub.addImage('library/big', '1', app);
    const tags = Array.from({ length: 20 }, (_, index) => `${index}`);
    for (const tag of tags) hub.moveTag('library/big', tag, app.digest);
    hub.fault({ on: 'any', kind: 'reset' });

    const { code, images } = await laptop.sync(
      hub.url,
      tags.map((tag) => `big:${tag}`),
      {
        path: '{repository}',
      },
    );
    expect([code, images.length]).toEqual([1, 20]);
    expect(hub.requests.length).toBeLessThan(20);
  });
});

describe('a source that lies', () => {
  beforeEach(() => startSchool());
  beforeEach(() => void hub.addImage('library/big', '1', app));

  test.each([
    ['gives other bytes', { on: 'blob', kind: 'corrupt', atByte: 1000 }, 'has another digest'],
    ['gives another size', { on: 'blob', kind: 'wrong-content-length', delta: 7 }, 'which its manifest says'],
    ['gives another manifest', { on: 'manifest', kind: 'wrong-manifest' }, 'does not match its digest'],
  ] as const)('and %s is told so, and nothing of the image is served', async (_, fault, reason) => {
    hub.fault({ ...fault, ...(fault.on === 'blob' && { match: layer.digest }) });

    const { code, images } = await laptop.sync(hub.url, [`big:1@${app.digest}`]);

    expect(code).toBe(1);
    expect(images).toMatchObject([
      { state: 'failed', failures: [{ reason: expect.stringContaining(reason) as string }] },
    ]);
    expect((await laptop.get('/v2/library/big/manifests/1')).status).not.toBe(200);
    hub.clearFaults();
    expect((await laptop.sync(hub.url, ['big:1'])).code).toBe(0);
  });
});

test('a blob without end is given up where it should have ended', async () => {
  await startSchool();
  await using endless = await scriptedServer(({ url = '' }, response) => {
    if (url.includes('/manifests/1')) {
      response.setHeader('content-type', app.mediaType).setHeader('docker-content-digest', app.digest);
      response.end(app.bytes);
    } else if (url.includes('/blobs/')) {
      const more = (): void => void (response.destroyed || response.write(Buffer.alloc(65_536), more));
      more();
    } else response.writeHead(404).end();
  });

  const { code, images } = await laptop.sync(endless.url, ['big:1']);

  expect(code).toBe(1);
  expect(images[0]?.failures.map(({ reason }) => reason)).toContainEqual(
    expect.stringContaining(`has more than the ${layer.size} bytes of ${layer.digest}`),
  );
});

describe('a login', () => {
  let folder: TempFolder;

  beforeEach(async () => {
    folder = await TempFolder.create();
    await writeFile(folder.join('htpasswd'), `laptop:${hashSync('secret', 4)}\n`);
    await startSchool({
      auth: { htpasswd: { realm: 'School', path: folder.join('htpasswd') } },
      access: { anonymous: 'deny' },
    });
  });

  afterEach(() => folder.remove());

  test('is given by name and standard input', async () => {
    const options = { username: 'laptop', passwordStdin: true };
    expect(
      (await laptop.sync(school.url, ['ghcr.io/owner/app:v1'], options, { stdin: 'secret\n' })).code,
    ).toBe(0);
    await expectImage('ghcr.io/owner/app', app);
  });

  test.each([
    [{ username: 'laptop' }, '--username needs --password-stdin'],
    [{ passwordStdin: true }, '--password-stdin needs --username'],
    [{ username: 'laptop', passwordStdin: true, file: ['-'] }, 'either the password or the images'],
  ])('makes no sense as %j', async (options, complaint) => {
    const { code, err } = await laptop.sync(school.url, [], options);
    expect([code, err]).toEqual([2, expect.stringContaining(complaint)]);
  });

  test('that is missing or wrong is told', async () => {
    const without = await laptop.sync(school.url);
    expect([without.code, without.err]).toEqual([1, expect.stringContaining('authentication required')]);
    const options = { username: 'laptop', passwordStdin: true };
    const wrong = await laptop.sync(school.url, ['ghcr.io/owner/app:v1'], options, { stdin: 'wrong' });
    expect([wrong.code, wrong.err]).toEqual([1, expect.stringContaining('401')]);
  });

  test('goes unencrypted to no other machine', async () => {
    const options = { username: 'laptop', passwordStdin: true };
    const { code, err } = await laptop.sync('http://school.lan:5000', [], options, { stdin: 'secret' });
    expect([code, err]).toEqual([2, expect.stringContaining('unencrypted')]);
  });
});

test('TLS is checked with the authority that is given, or not at all if that is wanted', async () => {
  await using folder = await TempFolder.create();
  await writeFile(folder.join('cert.pem'), selfSigned.cert);
  await writeFile(folder.join('key.pem'), selfSigned.key);
  const files = { certificate: folder.join('cert.pem'), key: folder.join('key.pem'), clientcas: [] };
  await startSchool({ http: { tls: { ...files, minimumtls: 'TLSv1.2', ciphers: undefined } } });
  const { url } = school;

  const untrusted = await laptop.sync(url, ['ghcr.io/owner/app:v1']);
  expect([untrusted.code, untrusted.err]).toEqual([1, expect.stringContaining('certificate')]);
  for (const options of [{ ca: files.certificate }, { insecure: true }]) {
    expect((await laptop.sync(url, ['ghcr.io/owner/app:v1'], options)).code).toBe(0);
  }
  const missing = await laptop.sync(url, [], { ca: folder.join('none.pem') });
  expect([missing.code, missing.err]).toEqual([2, expect.stringContaining('does not exist')]);
});
