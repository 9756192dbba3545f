import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeHub } from '../support/fake-hub.ts';
import { runnableImage } from '../support/image.ts';
import { Containerd } from './support/containerd.ts';
import { command } from './support/command.ts';
import { Entrepot } from './support/entrepot.ts';
import { Podman } from './support/podman.ts';
import { skopeoReference } from './support/skopeo.ts';

const words =
  'unsupported: this is a pull-through mirror, which takes no pushes: push to the registry itself';

let hub: FakeHub;
let mirror: Entrepot;

beforeEach(async () => {
  hub = await FakeHub.start();
  hub.addImage('acme/app', 'v1', await runnableImage());
  mirror = await Entrepot.start({ sections: { upstreams: { 'docker.io': { url: hub.url } } } });
});

afterEach(async () => {
  await mirror[Symbol.asyncDispose]();
  await hub.close();
});

describe('a push to the mirror is refused in its own words', () => {
  test('with skopeo', async () => {
    const to = skopeoReference(mirror.url, 'acme/mine:v1');
    const from = skopeoReference(mirror.url, 'acme/app:v1');
    const plain = ['--insecure-policy', '--src-tls-verify=false', '--dest-tls-verify=false'];
    await expect(command('skopeo', ['copy', ...plain, from, to])).rejects.toThrow(words);
  });

  test('with podman', async () => {
    await using podman = await Podman.create({ 'docker.io': `${mirror.host}/docker.io` });
    await podman.pull(`${mirror.host}/acme/app:v1`);
    const push = podman.podman(
      'push',
      '--tls-verify=false',
      `${mirror.host}/acme/app:v1`,
      `${mirror.host}/acme/mine:v1`,
    );
    await expect(push).rejects.toThrow(words);
  });

  // containerd 1.6 prints no registry's words; 2 does.
  test('with containerd, which stops at once', async () => {
    await using containerd = await Containerd.start({ 'docker.io': mirror.url });
    await containerd.fetchAllPlatforms('docker.io/acme/app:v1');
    const started = performance.now();
    const push = containerd.ctr(
      'images',
      'push',
      '--plain-http',
      `${mirror.host}/acme/mine:v1`,
      'docker.io/acme/app:v1',
    );
    await expect(push).rejects.toThrow(/405 Method Not Allowed|takes no pushes/u);
    expect(performance.now() - started).toBeLessThan(20_000);
  });
});
