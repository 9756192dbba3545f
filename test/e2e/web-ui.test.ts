import { readFile, writeFile } from 'node:fs/promises';
import { hashSync } from 'bcryptjs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Sections } from '../support/configuration-file.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { freePort } from '../support/free-port.ts';
import { makeImage, makeIndex } from '../support/image.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { Browser, registryHost } from './support/browser.ts';
import { Entrepot } from './support/entrepot.ts';
import { skopeoCopy, skopeoReference } from './support/skopeo.ts';
import { WebUi, WebUiServer } from './support/web-ui.ts';

const sample = new URL('../../config/web-ui.yml', import.meta.url);
const account = { username: 'ann', password: 'the-password-of-ann' };
const guess = { username: 'ann', password: 'a-guess' };

const image = makeImage({ oci: true, config: { created: '2024-05-01T00:00:00Z' } });
const [amd64, arm64] = [2, 3].map((seed) => makeImage({ oci: true, seed }));
if (amd64 === undefined || arm64 === undefined) throw new Error('an index has two platforms here');
const index = makeIndex([amd64, arm64], { oci: true });

let browser: Browser;

beforeAll(async () => {
  browser = await Browser.start();
});

afterAll(async () => {
  await browser[Symbol.asyncDispose]();
});

/**
 * A mirror as the sample configures it, which has pulled `app:v1` and one platform of `multi:latest`, and its
 * UI.
 */
class Fixture implements AsyncDisposable {
  readonly hub: FakeHub;
  readonly mirror: Entrepot;
  readonly ui: WebUiServer;
  readonly #resources: AsyncDisposableStack;

  private constructor(parts: Pick<Fixture, 'hub' | 'mirror' | 'ui'>, resources: AsyncDisposableStack) {
    this.hub = parts.hub;
    this.mirror = parts.mirror;
    this.ui = parts.ui;
    this.#resources = resources;
  }

  static async open(more: Sections = {}, passwords?: string): Promise<Fixture> {
    await using resources = new AsyncDisposableStack();
    const hub = resources.use(await FakeHub.start());
    hub.addImage('library/app', 'v1', image);
    hub.addImage('library/app', 'v2', image);
    hub.addImage('library/multi', 'latest', index);
    const ui = resources.use(await WebUiServer.start());
    const folder = resources.use(await TempFolder.create());
    const written = await readFile(sample, 'utf8');
    const { http, storage } = parse(written.replace('http://localhost:8080', ui.origin)) as {
      readonly http: Sections;
      readonly storage: Sections;
    };
    const path = folder.join('htpasswd');
    if (passwords !== undefined) await writeFile(path, passwords);
    const auth = { htpasswd: { realm: 'the mirror', path } };
    const isOpen = passwords !== undefined && !('access' in more);
    const open = { public: { addr: `127.0.0.1:${await freePort()}` } };
    const mirror = resources.use(
      await Entrepot.start({
        sections: {
          http: { ...http, ...(isOpen ? open : undefined) },
          storage: { ...storage, filesystem: { rootdirectory: folder.join('data') } },
          proxy: { remoteurl: hub.url },
          ...(passwords === undefined ? undefined : { auth }),
          ...(isOpen ? { access: { anonymous: 'allow' } } : undefined),
          ...more,
        },
      }),
    );
    ui.standBefore(mirror.url);
    return new Fixture({ hub, mirror, ui }, resources.move());
  }

  /** Pulls as a client does, and forgets what that made of requests upstream. */
  async fill(...options: readonly string[]): Promise<void> {
    await using folder = await TempFolder.create();
    for (const name of ['app:v1', 'multi:latest']) {
      const platform = ['--override-os', 'linux', '--override-arch', 'amd64'];
      const reference = skopeoReference(this.mirror.url, `library/${name}`);
      await skopeoCopy(reference, `dir:${folder.join(name.replace(':', '-'))}`, ...platform, ...options);
    }
    this.hub.clearLog();
  }

  /** The UI at an origin of its own, which asks the registry at its. */
  async cross(parameters = '', credentials?: typeof account): Promise<WebUi> {
    const registry = `http://${registryHost}:${new URL(this.mirror.url).port}`;
    const url = `${this.ui.origin}/?registry=${registry}${parameters}`;
    return new WebUi(await browser.open(url, credentials));
  }

  /** The methods and statuses of requests to the registry's API by web pages so far. */
  get asked(): readonly string[] {
    const lines = this.mirror.output.split('\n').filter((line) => line.includes('"msg":"request"'));
    return lines
      .map((line) => JSON.parse(line) as { method: string; status: number; userAgent?: string })
      .filter(({ userAgent }) => userAgent?.startsWith('Mozilla/') === true)
      .map(({ method, status }) => `${method} ${status}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

test('a registry UI of another origin shows and deletes what is cached, and no upstream hears of it', async () => {
  await using fixture = await Fixture.open();
  await fixture.fill();
  const ui = await fixture.cross();

  expect((await ui.catalog()).body.repositories).toEqual(['library/app', 'library/multi']);
  // Upstream has another tag, which is not cached.
  expect((await ui.tags('library/app')).body.tags).toEqual(['v1']);
  const shown = await ui.image('library/app', 'v1');
  expect([shown.manifest.status, shown.manifest.digest]).toEqual([200, image.digest]);
  expect(shown.config?.body).toMatchObject({ created: '2024-05-01T00:00:00Z', os: 'linux' });
  // By the first platform of its index, the one that was pulled.
  expect((await ui.image('library/multi', 'latest')).manifest.digest).toBe(amd64.digest);
  expect((await ui.image('library/app', 'v2')).manifest.status).toBe(404);

  expect((await ui.remove('library/multi', 'latest')).status).toBe(202);
  expect((await ui.catalog()).body.repositories).toEqual(['library/app']);
  expect((await ui.remove('library/app', 'v1')).status).toBe(202);
  expect((await ui.tags('library/app')).status).toBe(404);
  expect((await ui.catalog()).body.repositories).toEqual([]);
  expect(fixture.hub.requests).toEqual([]);

  await fixture.mirror.logged(/deleted from the cache[^]*deleted from the cache/u);
  expect(fixture.asked).toEqual(expect.arrayContaining(['OPTIONS 200', 'DELETE 202']));
  // What was deleted is pulled anew.
  await fixture.fill();
  expect((await ui.catalog()).body.repositories).toEqual(['library/app', 'library/multi']);
});

test('with accounts, the browser asks for a login where one is needed, and never for a preflight', async () => {
  await using fixture = await Fixture.open({}, `${account.username}:${hashSync(account.password, 5)}\n`);
  await fixture.fill();
  const stranger = await fixture.cross('', guess);
  expect((await stranger.tags('library/app')).body.tags).toEqual(['v1']);
  // The page gets to see that it is refused.
  expect(await stranger.remove('library/app', 'v1')).toMatchObject({
    status: 401,
    body: { errors: [{ code: 'UNAUTHORIZED' }] },
  });
  expect((await stranger.tags('library/app')).body.tags).toEqual(['v1']);

  const ann = await fixture.cross('', account);
  expect((await ann.remove('library/app', 'v1')).status).toBe(202);
  expect((await ann.catalog()).body.repositories).toEqual(['library/multi']);
  expect(fixture.hub.requests).toEqual([]);
  await fixture.mirror.logged(/"user":"ann"[^\n]*deleted from the cache/u);
  expect(fixture.asked.filter((line) => line.startsWith('OPTIONS'))).not.toContain('OPTIONS 401');
});

test('where everybody has to log in, a UI that sends credentials from the start does all it does', async () => {
  await using fixture = await Fixture.open(
    { access: { anonymous: 'deny' } },
    `${account.username}:${hashSync(account.password, 5)}\n`,
  );
  await fixture.fill('--src-creds', `${account.username}:${account.password}`);
  expect((await (await fixture.cross('&secured', guess)).catalog()).status).toBe(401);

  const ui = await fixture.cross('&secured', account);
  expect((await ui.catalog()).body.repositories).toEqual(['library/app', 'library/multi']);
  expect((await ui.image('library/app', 'v1')).config?.status).toBe(200);
  expect((await ui.remove('library/app', 'v1')).status).toBe(202);
  expect(fixture.hub.requests).toEqual([]);
});

test('deletions that are not allowed are refused with an answer that the page may read', async () => {
  await using fixture = await Fixture.open();
  await fixture.fill();
  await using strict = await Fixture.open({ pin: ['library/app'] });
  await strict.fill();

  const refused = await (await strict.cross()).remove('library/app', 'v1');
  expect(refused).toMatchObject({ status: 403, body: { errors: [{ code: 'DENIED' }] } });
  expect((await (await fixture.cross()).remove('library/app', 'v2')).status).toBe(404);
});

test('a UI that stands before the registry, over plain HTTP, costs no pull either', async () => {
  await using fixture = await Fixture.open();
  await fixture.fill();
  const ui = new WebUi(await browser.open(fixture.ui.origin));

  expect((await ui.catalog()).body.repositories).toEqual(['library/app', 'library/multi']);
  expect((await ui.tags('library/app')).body.tags).toEqual(['v1']);
  expect((await ui.image('library/app', 'v2')).manifest.status).toBe(404);
  expect((await ui.remove('library/app', 'v1')).status).toBe(202);
  expect(fixture.hub.requests).toEqual([]);
  // The browser says of its reading requests no more than that it is one.
  const readings = fixture.ui.proxied.filter(({ origin }) => origin === undefined);
  expect(readings.length).toBeGreaterThan(3);
  expect(readings.every((headers) => headers['sec-fetch-site'] === undefined)).toBe(true);
});
