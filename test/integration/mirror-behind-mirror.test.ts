import { writeFile } from 'node:fs/promises';
import { hashSync } from 'bcryptjs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ask, basic, errorCode, verdict } from '../support/ask.ts';
import { makeArtifact } from '../support/artifact.ts';
import { within } from '../support/deadline.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { makeImage, makeIndex } from '../support/image.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { TestEntrepot, type TestEntrepotOptions } from '../support/test-entrepot.ts';
import { scriptedServer } from './upstream/harness.ts';

const amd64 = makeImage({ seed: 1, oci: true });
const arm64 = makeImage({ seed: 2, oci: true });
const hubs = makeIndex([amd64, arm64], { oci: true });
const ghcrs = makeImage({ seed: 3, layers: [300_000] });
const [layer = ghcrs.config] = ghcrs.layers;
const [hubLayer = amd64.config] = amd64.layers;
const signature = makeArtifact({ subject: ghcrs, artifactType: 'application/vnd.example.signature' });
const robot = { username: 'robot', password: 'upstream-password' };

const accept = { accept: '*/*' };
const hubPath = '/v2/library/node';
const ghcrPath = '/v2/ghcr.io/owner/app';

let hub: FakeHub;
let ghcr: FakeHub;
let school: TestEntrepot;
let laptop: TestEntrepot;

/** A mirror whose upstreams are all another mirror. */
function behind(url: string, more: Partial<TestEntrepotOptions> = {}): Promise<TestEntrepot> {
  const { credentials } = more;
  const others = [{ name: 'ghcr.io', url, throughMirror: true, credentials }];
  return TestEntrepot.start({ upstream: url, throughMirror: true, others, ...more });
}

beforeEach(async () => {
  hub = await FakeHub.start();
  ghcr = await FakeHub.start({ credentials: robot });
  hub.addImage('library/node', '18', hubs);
  ghcr.addImage('owner/app', 'v1', ghcrs);
  ghcr.addArtifact('owner/app', signature);
  ghcr.addImage('owner/private', 'v1', ghcrs);
  ghcr.makePrivate('owner/private');
});

afterEach(async () => {
  await laptop[Symbol.asyncDispose]();
  await school[Symbol.asyncDispose]();
  await hub.close();
  await ghcr.close();
});

async function startBoth(more: Partial<TestEntrepotOptions> = {}): Promise<void> {
  school = await TestEntrepot.start({ upstream: hub.url, others: [{ name: 'ghcr.io', url: ghcr.url }] });
  laptop = await behind(school.url, more);
}

describe('a mirror behind a mirror', () => {
  beforeEach(() => startBoth());

  test('serves images of each registry, and every byte crosses each link once', async () => {
    for (const [path, tag, right] of [
      [hubPath, '18', hubs],
      [ghcrPath, 'v1', ghcrs],
    ] as const) {
      await ask(laptop.url, `${path}/manifests/${tag}`, accept, 'HEAD');
      expect(verdict(await ask(laptop.url, `${path}/manifests/${tag}`, accept), right.bytes)).toBe('right');
    }
    for (let time = 0; time < 2; time += 1) {
      expect(verdict(await ask(laptop.url, `${ghcrPath}/blobs/${layer.digest}`), layer.bytes)).toBe('right');
    }

    expect([hub.pulls, ghcr.pulls]).toEqual([1, 1]);
    expect(ghcr.bytesSent(layer.digest)).toBe(layer.size);
    const catalog = await ask(school.url, '/v2/_catalog');
    expect(JSON.parse(catalog.bytes.toString())).toEqual({
      repositories: ['ghcr.io/owner/app', 'library/node'],
    });
    const below = await ask(laptop.url, '/v2/_catalog');
    expect(below.bytes.equals(catalog.bytes)).toBe(true);
  });

  test('confirms a tag without a counted pull, however many ask below', async () => {
    await ask(laptop.url, `${hubPath}/manifests/18`, accept);
    for (let time = 0; time < 3; time += 1) {
      laptop.clock.advance(120_000);
      school.clock.advance(120_000);
      await ask(laptop.url, `${hubPath}/manifests/18`, accept, 'HEAD');
      await ask(laptop.url, `${hubPath}/manifests/18`, accept);
    }
    expect(hub.pulls).toBe(1);
  });

  test('passes on tag lists and referrers', async () => {
    const tags = await ask(laptop.url, `${ghcrPath}/tags/list`);
    const referrers = await ask(laptop.url, `${ghcrPath}/referrers/${ghcrs.digest}`);

    expect(JSON.parse(tags.bytes.toString())).toMatchObject({ tags: ['v1'] });
    expect(JSON.parse(referrers.bytes.toString())).toMatchObject({
      manifests: [{ digest: signature.digest }],
    });
  });

  test('passes on a range of a layer that no one has yet', async () => {
    const range = { range: 'bytes=100000-199999' };
    const answer = await ask(laptop.url, `${ghcrPath}/blobs/${layer.digest}`, range);

    expect([answer.status, verdict(answer, layer.bytes)]).toEqual([206, 'right']);
  });

  test('serves what the upper one has when nothing else answers, and says that it is stale', async () => {
    await ask(school.url, `${hubPath}/manifests/18`, accept);
    await ask(school.url, `${hubPath}/manifests/${amd64.digest}`, accept);
    await ask(school.url, `${hubPath}/blobs/${hubLayer.digest}`);
    hub.down();
    school.clock.advance(3_600_000);

    const manifest = await ask(laptop.url, `${hubPath}/manifests/18`, accept);

    expect(verdict(manifest, hubs.bytes)).toBe('right');
    expect(manifest.headers['warning']).toContain('Response is Stale');
    const child = await ask(laptop.url, `${hubPath}/manifests/${amd64.digest}`, accept);
    expect(verdict(child, amd64.bytes)).toBe('right');
    const blob = await ask(laptop.url, `${hubPath}/blobs/${hubLayer.digest}`);
    expect(verdict(blob, hubLayer.bytes)).toBe('right');
    const absent = await ask(laptop.url, `${hubPath}/manifests/20`, accept);
    expect(absent.status).toBeGreaterThanOrEqual(500);
  });

  test('serves what it has after the upper one has died', async () => {
    await ask(laptop.url, `${hubPath}/manifests/18`, accept);
    await ask(laptop.url, `${ghcrPath}/blobs/${layer.digest}`);
    await ask(laptop.url, `${ghcrPath}/manifests/v1`, accept);
    await ask(laptop.url, `${ghcrPath}/blobs/${layer.digest}`);
    await school.stop();
    laptop.clock.advance(3_600_000);

    const manifest = await ask(laptop.url, `${hubPath}/manifests/18`, accept);
    expect(verdict(manifest, hubs.bytes)).toBe('right');
    expect(manifest.headers['warning']).toContain('Response is Stale');
    const blob = await ask(laptop.url, `${ghcrPath}/blobs/${layer.digest}`);
    expect(verdict(blob, layer.bytes)).toBe('right');
  });
});

describe('private images', () => {
  let folder: TempFolder;
  const login = { username: 'laptop', password: 'school-password' };

  beforeEach(async () => {
    folder = await TempFolder.create();
    await writeFile(folder.join('htpasswd'), `${login.username}:${hashSync(login.password, 4)}\n`);
    school = await TestEntrepot.start({
      upstream: hub.url,
      others: [{ name: 'ghcr.io', url: ghcr.url, credentials: robot }],
      auth: { htpasswd: { realm: 'School', path: folder.join('htpasswd') } },
      http: { publicAddr: { host: '127.0.0.1', port: 0 } },
    });
  });

  afterEach(() => folder.remove());

  const path = '/v2/ghcr.io/owner/private/manifests/v1';

  test('reach a mirror that has a login at the upper one, and are private there, too', async () => {
    laptop = await behind(school.url, { credentials: login });
    expect((await ask(laptop.url, path, accept)).status).toBe(404);
    expect(verdict(await ask(laptop.url, `${ghcrPath}/manifests/v1`, accept), ghcrs.bytes)).toBe('right');

    await laptop[Symbol.asyncDispose]();
    const access = { private: 'allow' } as const;
    laptop = await behind(school.url, { credentials: login, access });
    expect(verdict(await ask(laptop.url, path, accept), ghcrs.bytes)).toBe('right');
  });

  test('reach no mirror without', async () => {
    laptop = await behind(school.url);
    expect((await ask(laptop.url, path, accept)).status).toBe(403);
    expect(verdict(await ask(laptop.url, `${ghcrPath}/manifests/v1`, accept), ghcrs.bytes)).toBe('right');
  });

  test('are pulled with the own login of a client where both pass that on', async () => {
    laptop = await behind(school.url, {
      credentials: login,
      auth: { passthrough: true },
      http: { publicAddr: { host: '127.0.0.1', port: 0 } },
    });
    const headers = { ...accept, ...basic(login.username, login.password) };
    expect(verdict(await ask(laptop.url, path, headers), ghcrs.bytes)).toBe('right');
  });
});

describe("mirrors that are each other's upstream", () => {
  test.each(['HEAD', 'GET'])('end a request with a clear error at once (%s)', async (method) => {
    school = await TestEntrepot.start({ upstream: hub.url });
    laptop = await TestEntrepot.start({ upstream: school.url });
    const port = Number(new URL(school.url).port);
    await school[Symbol.asyncDispose]();
    const http = { addr: { host: '127.0.0.1', port } };
    school = await TestEntrepot.start({ upstream: laptop.url, http });

    for (const path of [
      `${hubPath}/manifests/18`,
      `${hubPath}/blobs/${layer.digest}`,
      `${hubPath}/tags/list`,
    ]) {
      const answer = await within(3_000, 'an answer', ask(laptop.url, path, accept, method));
      expect([path, answer.status]).toEqual([path, 502]);
      if (method === 'GET') {
        expect([errorCode(answer), answer.bytes.toString()]).toEqual([
          'UNKNOWN',
          expect.stringContaining("mirrors are each other's upstream"),
        ]);
      }
    }
  });
});

test('a mirror that does not know of other registries is not believed', async () => {
  await using plain = await scriptedServer((_, response) => {
    response.setHeader('content-type', ghcrs.mediaType);
    response.setHeader('docker-content-digest', ghcrs.digest);
    response.end(ghcrs.bytes);
  });
  school = await TestEntrepot.start({ upstream: hub.url });
  laptop = await behind(plain.url);

  const answer = await ask(laptop.url, `${ghcrPath}/manifests/v1`, accept);

  expect(answer.status).toBe(502);
  expect(answer.bytes.toString()).toContain('is no mirror that can be asked for ghcr.io');
  // Docker Hub's own mirrors have no need to say so.
  expect(verdict(await ask(laptop.url, `${hubPath}/manifests/18`, accept), ghcrs.bytes)).toBe('right');
});
