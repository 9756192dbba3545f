import { expect, test } from 'vitest';
import { FakeHub } from '../support/fake-hub.ts';
import { freePort } from '../support/free-port.ts';
import { runnableImage, type Image } from '../support/image.ts';
import { Containerd } from './support/containerd.ts';
import { DockerDaemon } from './support/dockerd.ts';
import { Entrepot } from './support/entrepot.ts';
import { Podman } from './support/podman.ts';
import { skopeoInspect, skopeoReference } from './support/skopeo.ts';

/** No registry but the tests' own have these, so that a fallback finds nothing. */
const ofHub = 'library/hello-entrepot';
const ofGhcr = 'acme/hello-entrepot';

/** Two registries that know nothing of each other, and one mirror of both. */
class Registries implements AsyncDisposable {
  readonly hub: FakeHub;
  readonly ghcr: FakeHub;
  readonly mirror: Entrepot;
  readonly images: { readonly hub: Image; readonly ghcr: Image };
  /** Where the mirror serves ghcr.io alone. */
  readonly ghcrUrl: string;
  readonly #resources: AsyncDisposableStack;

  private constructor(
    parts: Pick<Registries, 'hub' | 'ghcr' | 'mirror' | 'images' | 'ghcrUrl'>,
    resources: AsyncDisposableStack,
  ) {
    this.hub = parts.hub;
    this.ghcr = parts.ghcr;
    this.mirror = parts.mirror;
    this.images = parts.images;
    this.ghcrUrl = parts.ghcrUrl;
    this.#resources = resources;
  }

  static async start(): Promise<Registries> {
    await using resources = new AsyncDisposableStack();
    const images = {
      hub: await runnableImage(undefined, { says: 'Hello from Docker Hub' }),
      ghcr: await runnableImage(undefined, { says: 'Hello from GHCR' }),
    };
    const hub = resources.use(await FakeHub.start());
    hub.addImage(ofHub, 'latest', images.hub);
    const ghcr = resources.use(await FakeHub.start());
    ghcr.addImage(ofGhcr, 'latest', images.ghcr);
    const listen = `127.0.0.1:${await freePort()}`;
    const mirror = resources.use(
      await Entrepot.start({
        sections: {
          proxy: { remoteurl: hub.url },
          upstreams: {
            'docker.io': { url: hub.url },
            'ghcr.io': { url: ghcr.url, hosts: ['localhost'], listen },
          },
        },
      }),
    );
    const parts = { hub, ghcr, mirror, images, ghcrUrl: `http://${listen}` };
    return new Registries(parts, resources.move());
  }

  /** Both registries are gone for good. */
  unplug(): void {
    this.hub.down();
    this.ghcr.down();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

test('containerd pulls from two registries through their hosts.toml, also when both are gone', async () => {
  await using registries = await Registries.start();
  const { mirror, images } = registries;
  await using containerd = await Containerd.start({ 'docker.io': mirror.url, 'ghcr.io': mirror.url });
  const names = [`docker.io/${ofHub}:latest`, `ghcr.io/${ofGhcr}:latest`] as const;

  for (const name of names) await containerd.pull(name);
  expect(await containerd.digest(names[0])).toBe(images.hub.digest);
  expect(await containerd.digest(names[1])).toBe(images.ghcr.digest);
  expect(await containerd.run(names[1])).toBe('Hello from GHCR\n');

  await containerd.ctr('images', 'rm', '--sync', ...names);
  registries.unplug();
  for (const name of names) await containerd.pull(name);
  expect(await containerd.run(names[0])).toBe('Hello from Docker Hub\n');
});

test('containerd pulls through the path of a registry, one with a port too, also when both are gone', async () => {
  await using hub = await FakeHub.start();
  await using local = await FakeHub.start();
  const images = {
    'ghcr.io': await runnableImage(),
    'registry.corp:5000': await runnableImage(undefined, { says: 'Hi' }),
  };
  hub.addImage(ofGhcr, 'latest', images['ghcr.io']);
  local.addImage(ofGhcr, 'latest', images['registry.corp:5000']);
  await using mirror = await Entrepot.start({
    sections: { upstreams: { 'ghcr.io': { url: hub.url }, 'registry.corp:5000': { url: local.url } } },
  });
  const registries = ['ghcr.io', 'registry.corp:5000'] as const;
  await using containerd = await Containerd.start(
    Object.fromEntries(registries.map((registry) => [registry, `${mirror.url}/v2/${registry}`])),
  );
  const names = registries.map((registry) => `${registry}/${ofGhcr}:latest`);

  for (const name of names) await containerd.pull(name);
  await containerd.ctr('images', 'rm', '--sync', ...names);
  for (const registry of [hub, local]) registry.down();
  for (const registry of registries) {
    const name = `${registry}/${ofGhcr}:latest`;
    await containerd.pull(name);
    expect(await containerd.digest(name)).toBe(images[registry].digest);
  }
});

test('podman pulls from two registries through prefixes of the mirror, also when both are gone', async () => {
  await using registries = await Registries.start();
  const { mirror, images } = registries;
  await using podman = await Podman.create({
    'docker.io': mirror.host,
    'ghcr.io': `${mirror.host}/ghcr.io`,
  });
  const names = [`docker.io/${ofHub}:latest`, `ghcr.io/${ofGhcr}:latest`] as const;

  for (const name of names) await podman.pull(name);
  expect(await podman.digest(names[0])).toBe(images.hub.digest);
  expect(await podman.digest(names[1])).toBe(images.ghcr.digest);

  await podman.podman('rmi', '--force', ...names);
  registries.unplug();
  for (const name of names) await podman.pull(name);
  expect(await podman.digest(names[1])).toBe(images.ghcr.digest);
});

test('one image pulled by namespace, prefix, host name and listener is fetched once', async () => {
  await using registries = await Registries.start();
  const { ghcr, mirror, ghcrUrl } = registries;
  const { digest, layers } = registries.images.ghcr;
  await using containerd = await Containerd.start({ 'ghcr.io': mirror.url });
  await using daemon = await DockerDaemon.start(mirror.url);

  await containerd.pull(`ghcr.io/${ofGhcr}:latest`);
  ghcr.down();

  const prefixed = `${mirror.host}/ghcr.io/${ofGhcr}:latest`;
  expect(await daemon.docker('pull', prefixed)).toContain(`Digest: ${digest}`);
  expect(await daemon.run(prefixed)).toBe('Hello from GHCR\n');
  const byHost = mirror.url.replace('127.0.0.1', 'localhost');
  for (const url of [byHost, ghcrUrl]) {
    expect(await skopeoInspect(skopeoReference(url, `${ofGhcr}:latest`))).toMatchObject({ Digest: digest });
  }
  expect(ghcr.pulls).toBe(1);
  for (const layer of layers) expect(ghcr.bytesSent(layer.digest)).toBe(layer.size);
});

test('a registry that is not mirrored is refused by name, and nobody is asked', async () => {
  await using registries = await Registries.start();
  const { hub, ghcr, mirror } = registries;

  await expect(skopeoInspect(skopeoReference(mirror.url, 'quay.io/acme/app:v1'))).rejects.toThrow(
    /docker\.io.*ghcr\.io/u,
  );
  expect([...hub.requests, ...ghcr.requests]).toEqual([]);
});
