import { writeFile } from 'node:fs/promises';
import bcrypt from 'bcryptjs';
import { describe, expect, test } from 'vitest';
import { FakeHub } from '../support/fake-hub.ts';
import { freePort } from '../support/free-port.ts';
import { runnableImage, type Image } from '../support/image.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { CommandError } from './support/command.ts';
import { DockerDaemon } from './support/dockerd.ts';
import { Entrepot } from './support/entrepot.ts';
import { Podman } from './support/podman.ts';
import { skopeoInspect, skopeoReference } from './support/skopeo.ts';

const account = { username: 'mirror', password: 'the-account-of-the-mirror' };
const [user, password] = ['ann', 'the-password-of-ann'];

/** Docker Hub with a public and a private repository, and a mirror of it. */
class Fixture implements AsyncDisposable {
  readonly hub: FakeHub;
  readonly mirror: Entrepot;
  readonly image: Image;
  /** Host and port where nobody is asked to log in. */
  readonly open: string;
  readonly #resources: AsyncDisposableStack;

  private constructor(
    parts: Pick<Fixture, 'hub' | 'mirror' | 'image' | 'open'>,
    resources: AsyncDisposableStack,
  ) {
    this.hub = parts.hub;
    this.mirror = parts.mirror;
    this.image = parts.image;
    this.open = parts.open;
    this.#resources = resources;
  }

  /**
   * `open`: with an address without logins; `closed`: all have to log in; `bare`: without logins, and without
   * an account.
   */
  static async start(kind: 'open' | 'closed' | 'bare'): Promise<Fixture> {
    await using resources = new AsyncDisposableStack();
    const image = await runnableImage(undefined, { says: 'hello' });
    const hub = resources.use(await FakeHub.start({ credentials: account }));
    for (const repository of ['acme/public', 'acme/secret']) hub.addImage(repository, 'v1', image);
    hub.makePrivate('acme/secret');
    const folder = resources.use(await TempFolder.create());
    await writeFile(folder.join('htpasswd'), `${user}:${await bcrypt.hash(password, 5)}\n`);
    const open = `127.0.0.1:${await freePort()}`;
    const auth = { auth: { htpasswd: { path: folder.join('htpasswd') } } };
    const mirror = resources.use(
      await Entrepot.start({
        sections: {
          log: { level: 'info', formatter: 'json' },
          upstreams: { 'docker.io': { url: hub.url, ...(kind === 'bare' ? undefined : account) } },
          ...(kind === 'bare' ? undefined : auth),
          ...(kind === 'open'
            ? { access: { anonymous: 'allow' }, http: { public: { addr: open } } }
            : undefined),
        },
      }),
    );
    return new Fixture({ hub, mirror, image, open }, resources.move());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

/** What a client says when it fails, without what depends on which of the two images was asked for. */
async function failure(pull: Promise<unknown>): Promise<string> {
  try {
    await pull;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return error.message
      .replaceAll(/secret|absent/gu, 'NAME')
      .replaceAll(/time="[^"]*"|\d+(?:\.\d+)?m?s/gu, 'X');
  }
  throw new Error('the client got what it may not have');
}

/** The words for a private image, which must be those for one that does not exist. */
async function refusalOf(pull: (repository: string) => Promise<unknown>): Promise<string> {
  const words = await failure(pull('acme/secret'));
  expect(words).toBe(await failure(pull('acme/absent')));
  return words;
}

describe('dockerd', () => {
  test('pulls what is public without a login, and what is private with one, each at its address', async () => {
    await using fixture = await Fixture.start('open');
    const { mirror, image, open } = fixture;
    await using daemon = await DockerDaemon.start(`http://${open}`);

    // Nothing but the mirror can answer that.
    expect(await daemon.docker('pull', 'acme/public:v1')).toContain(`Digest: ${image.digest}`);
    await daemon.forget('acme/public:v1');
    expect(await daemon.docker('pull', `${open}/docker.io/acme/public:v1`)).toContain(image.digest);
    await daemon.forget(`${open}/docker.io/acme/public:v1`);
    const told = await refusalOf((name) => daemon.docker('pull', `${open}/docker.io/${name}:v1`));
    expect(told).toContain('log in at the login address of this mirror, and pull it there');

    expect(await daemon.docker('login', '-u', user, '-p', password, mirror.host)).toContain('Succeeded');
    expect(await daemon.docker('pull', `${mirror.host}/docker.io/acme/secret:v1`)).toContain(image.digest);
    expect(await daemon.run(`${mirror.host}/docker.io/acme/secret:v1`)).toBe('hello\n');
  });

  test('gets nothing without a login where all have to log in', async () => {
    await using fixture = await Fixture.start('closed');
    const { hub, mirror, image } = fixture;
    await using daemon = await DockerDaemon.start(mirror.url);
    const named = `${mirror.host}/docker.io/acme/public:v1`;

    expect(await failure(daemon.docker('pull', named))).toContain('no basic auth credentials');
    await failure(daemon.docker('pull', 'acme/public:v1'));
    expect(hub.requests).toEqual([]);

    await daemon.docker('login', '-u', user, '-p', password, mirror.host);
    expect(await daemon.docker('pull', named)).toContain(image.digest);
    await daemon.forget(named);
    await daemon.docker('logout', mirror.host);
    expect(await failure(daemon.docker('pull', named))).toContain('no basic auth credentials');
  });

  test('says what to do where upstream refuses the mirror', async () => {
    await using fixture = await Fixture.start('bare');
    await using daemon = await DockerDaemon.start(fixture.mirror.url);

    const told = await refusalOf((name) =>
      daemon.docker('pull', `${fixture.mirror.host}/docker.io/${name}:v1`),
    );
    expect(told).toMatch(
      /pull access denied for \S+, repository does not exist or may require 'docker login': denied: \S+: 401 /u,
    );
  });
});

describe('the way to the login reaches', () => {
  test('podman and skopeo, which ping before they ask', async () => {
    await using fixture = await Fixture.start('open');
    const { mirror, image } = fixture;
    await using podman = await Podman.create({ 'docker.io': `${mirror.host}/docker.io` });

    for (const pull of [
      (name: string) => podman.pull(`${mirror.host}/docker.io/${name}:v1`),
      (name: string) => skopeoInspect(skopeoReference(mirror.url, `docker.io/${name}:v1`)),
    ]) {
      expect(await refusalOf(pull)).toMatch(
        /unauthorized: no such image, or one for those who have logged in/u,
      );
    }
    // Nobody is sent to log in for a tag of a public repository that does not exist.
    expect(await failure(podman.pull(`${mirror.host}/docker.io/acme/public:v2`))).toContain(
      'manifest unknown',
    );
    await podman.pull(`${mirror.host}/docker.io/acme/public:v1`);
    await podman.podman('login', '--tls-verify=false', '-u', user, '-p', password, mirror.host);
    await podman.pull(`${mirror.host}/docker.io/acme/secret:v1`);
    expect(await podman.digest(`${mirror.host}/docker.io/acme/secret:v1`)).toBe(image.digest);
  });
});
