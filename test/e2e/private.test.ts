import { stripVTControlCharacters } from 'node:util';
import { writeFile } from 'node:fs/promises';
import bcrypt from 'bcryptjs';
import { describe, expect, test } from 'vitest';
import { FakeHub } from '../support/fake-hub.ts';
import { freePort } from '../support/free-port.ts';
import { runnableImage, type Image } from '../support/image.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { CommandError } from './support/command.ts';
import { Containerd } from './support/containerd.ts';
import { DockerDaemon } from './support/dockerd.ts';
import { Entrepot } from './support/entrepot.ts';
import { Podman } from './support/podman.ts';
import { skopeoInspect, skopeoReference } from './support/skopeo.ts';

const upstreamAccount = { username: 'mirror', password: 'the-account-of-the-mirror' };
const user = 'ann';
const password = 'the-password-of-ann';
const secret = 'acme/secret';
/** As long as the other, so that messages differ in nothing else. */
const absent = 'acme/absent';

/**
 * A registry with a private repository that the mirror's account may read, and a mirror that people log in
 * to.
 */
class Fixture implements AsyncDisposable {
  readonly upstream: FakeHub;
  readonly mirror: Entrepot;
  readonly image: Image;
  /** Where the mirror serves ghcr.io alone. */
  readonly listener: string;
  readonly #resources: AsyncDisposableStack;

  private constructor(
    parts: Pick<Fixture, 'upstream' | 'mirror' | 'image' | 'listener'>,
    resources: AsyncDisposableStack,
  ) {
    this.upstream = parts.upstream;
    this.mirror = parts.mirror;
    this.image = parts.image;
    this.listener = parts.listener;
    this.#resources = resources;
  }

  static async start(): Promise<Fixture> {
    await using resources = new AsyncDisposableStack();
    const image = await runnableImage(undefined, { says: 'a secret' });
    const upstream = resources.use(await FakeHub.start({ credentials: upstreamAccount }));
    upstream.addImage(secret, 'v1', image);
    upstream.makePrivate(secret);
    const folder = resources.use(await TempFolder.create());
    await writeFile(folder.join('htpasswd'), `${user}:${await bcrypt.hash(password, 5)}\n`);
    const listener = `127.0.0.1:${await freePort()}`;
    const mirror = resources.use(
      await Entrepot.start({
        sections: {
          log: { level: 'trace', formatter: 'json' },
          upstreams: {
            'ghcr.io': { url: upstream.url, ...upstreamAccount, hosts: ['localhost'], listen: listener },
          },
          auth: { htpasswd: { realm: 'the mirror', path: folder.join('htpasswd') } },
          access: { anonymous: 'allow' },
          http: { public: { addr: `127.0.0.1:${await freePort()}` } },
        },
      }),
    );
    const parts = { upstream, mirror, image, listener: `http://${listener}` };
    return new Fixture(parts, resources.move());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

/** Lines in which ctr shows, now and then, how far it is. */
const progress = /^.*(?:\|-+\||elapsed:|msg="active check failed").*\n/gmu;

/**
 * What a client says when it fails, with all that names the image made alike, and without what depends on the
 * moment.
 */
async function failure(pull: Promise<unknown>): Promise<string> {
  try {
    await pull;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return stripVTControlCharacters(error.message)
      .replaceAll(progress, '')
      .replaceAll('secret', 'NAME')
      .replaceAll('absent', 'NAME')
      .replaceAll(/time="[^"]*"|\d+(?:\.\d+)?m?s|\d+\.\d+ *B\/s|[0-9a-f]{32,}/gu, 'X');
  }
  throw new Error('the client got what it may not have');
}

function passwordsIn(output: string): readonly string[] {
  return [password, upstreamAccount.password].filter((word) => output.includes(word));
}

describe('a private image, cached, is for those who have logged in', () => {
  test('with dockerd, by a prefix', async () => {
    await using fixture = await Fixture.start();
    const { mirror, image } = fixture;
    await using daemon = await DockerDaemon.start(mirror.url);
    const named = (repository: string): string => `${mirror.host}/ghcr.io/${repository}:v1`;

    await expect(daemon.docker('login', '-u', user, '-p', 'wrong', mirror.host)).rejects.toThrow(
      /unauthorized|401/u,
    );
    expect(await daemon.docker('login', '-u', user, '-p', password, mirror.host)).toContain(
      'Login Succeeded',
    );
    expect(await daemon.docker('pull', named(secret))).toContain(`Digest: ${image.digest}`);
    expect(await daemon.run(named(secret))).toBe('a secret\n');

    await daemon.forget(named(secret));
    await daemon.docker('logout', mirror.host);
    expect(await failure(daemon.docker('pull', named(secret)))).toBe(
      await failure(daemon.docker('pull', named(absent))),
    );
    expect(passwordsIn(mirror.output)).toEqual([]);
  });

  test('with containerd, by namespace', async () => {
    await using fixture = await Fixture.start();
    const { mirror, image } = fixture;
    await using containerd = await Containerd.start({ 'ghcr.io': mirror.url });
    const named = (repository: string): string => `ghcr.io/${repository}:v1`;

    await containerd.pull(named(secret), '--user', `${user}:${password}`);
    expect(await containerd.digest(named(secret))).toBe(image.digest);

    await containerd.forget(named(secret));
    expect(await failure(containerd.pull(named(secret)))).toBe(await failure(containerd.pull(named(absent))));
    expect(passwordsIn(mirror.output)).toEqual([]);
  });

  test('with podman, by a prefix behind the registry’s own name', async () => {
    await using fixture = await Fixture.start();
    const { mirror, image } = fixture;
    await using podman = await Podman.create({ 'ghcr.io': `${mirror.host}/ghcr.io` });
    const named = (repository: string): string => `ghcr.io/${repository}:v1`;

    await podman.podman('login', '--tls-verify=false', '-u', user, '-p', password, mirror.host);
    await podman.pull(named(secret));
    expect(await podman.digest(named(secret))).toBe(image.digest);

    await podman.forget(named(secret));
    await podman.podman('logout', mirror.host);
    expect(await failure(podman.pull(named(secret)))).toBe(await failure(podman.pull(named(absent))));
    expect(passwordsIn(mirror.output)).toEqual([]);
  });

  test.each([
    { way: 'by a prefix', reference: ({ mirror }: Fixture, name: string) => [mirror.url, `ghcr.io/${name}`] },
    {
      way: 'by the host name',
      reference: ({ mirror }: Fixture, name: string) => [mirror.url.replace('127.0.0.1', 'localhost'), name],
    },
    { way: 'by the listener', reference: ({ listener }: Fixture, name: string) => [listener, name] },
  ])('with skopeo, $way', async ({ reference }) => {
    await using fixture = await Fixture.start();
    const named = (repository: string): string => {
      const [url = '', name = ''] = reference(fixture, repository);
      return skopeoReference(url, `${name}:v1`);
    };
    const login = ['--tls-verify=false', '--creds', `${user}:${password}`];

    expect(await skopeoInspect(named(secret), ...login)).toMatchObject({ Digest: fixture.image.digest });
    expect(await failure(skopeoInspect(named(secret)))).toBe(await failure(skopeoInspect(named(absent))));
    expect(passwordsIn(fixture.mirror.output)).toEqual([]);
  });
});
