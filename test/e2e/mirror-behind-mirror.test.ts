import { expect, test } from 'vitest';
import { DockerRegistry } from '../support/docker-registry.ts';
import { makeIndex, makeImage, runnableImage } from '../support/image.ts';
import { command } from './support/command.ts';
import { Containerd } from './support/containerd.ts';
import { DockerDaemon } from './support/dockerd.ts';
import { Entrepot, entrepotMain } from './support/entrepot.ts';
import { Podman } from './support/podman.ts';

const greeting = 'Hello from Docker!\n';

test('dockerd, containerd and podman pull through two mirrors, cold, offline, and when the upper one is gone', async () => {
  const hello = await runnableImage(undefined, { oci: true });
  const index = makeIndex([hello, makeImage({ oci: true, seed: 9 })], { oci: true });
  const other = await runnableImage(undefined, { says: 'Hello from another registry!' });
  await using hub = await DockerRegistry.start();
  await using quay = await DockerRegistry.start();
  await hub.push('library/hello-entrepot', 'latest', index);
  await quay.push('team/app', '1', other);
  await using school = await Entrepot.start({
    sections: { upstreams: { 'docker.io': { url: hub.url }, 'quay.io': { url: quay.url } } },
  });
  const mirror = { proxy: { mirror: school.url }, upstreams: { 'docker.io': {}, 'quay.io': {} } };
  await using laptop = await Entrepot.start({ sections: mirror });
  const { host } = new URL(laptop.url);
  await using daemon = await DockerDaemon.start(laptop.url);
  await using containerd = await Containerd.start({ 'docker.io': laptop.url, 'quay.io': laptop.url });
  await using podman = await Podman.create({ 'docker.io': host, 'quay.io': `${host}/quay.io` });

  const pullAll = async (): Promise<void> => {
    expect(await daemon.docker('pull', 'hello-entrepot')).toContain(`Digest: ${index.digest}`);
    expect(await daemon.run('hello-entrepot')).toBe(greeting);
    await daemon.forget('hello-entrepot');
    await containerd.pull('docker.io/library/hello-entrepot:latest');
    expect(await containerd.digest('docker.io/library/hello-entrepot:latest')).toBe(index.digest);
    await containerd.forget('docker.io/library/hello-entrepot:latest');
    await containerd.pull('quay.io/team/app:1');
    expect(await containerd.digest('quay.io/team/app:1')).toBe(other.digest);
    await containerd.forget('quay.io/team/app:1');
    await podman.pull('quay.io/team/app:1');
    expect(await podman.digest('quay.io/team/app:1')).toBe(other.digest);
    await podman.forget('quay.io/team/app:1');
  };

  await pullAll();
  await hub.stop();
  await quay.stop();
  await school.restart();
  await laptop.restart();
  await pullAll();
  // A laptop that has nothing yet gets all of it from the school.
  await using newcomer = await Entrepot.start({ sections: mirror });
  await using another = await DockerDaemon.start(newcomer.url);
  expect(await another.docker('pull', 'hello-entrepot')).toContain(`Digest: ${index.digest}`);
  await school.stop();
  await laptop.restart();
  await pullAll();
});

test('dockerd, containerd and podman pull from an offline mirror what was synchronised from another', async () => {
  const hello = await runnableImage();
  await using hub = await DockerRegistry.start();
  await hub.push('library/hello-entrepot', 'latest', hello);
  await using school = await Entrepot.start({ sections: { upstreams: { 'docker.io': { url: hub.url } } } });
  await using laptop = await Entrepot.start({ sections: { offline: true, upstreams: { 'docker.io': {} } } });
  await using pupil = await DockerDaemon.start(school.url);
  await pupil.docker('pull', 'hello-entrepot');
  await hub.stop();

  const args = ['sync', school.url, '--config', laptop.configuration];
  const printed = await command(process.execPath, [entrepotMain, ...args]);

  expect(printed).toContain('1 of 1 image complete');
  await school.stop();
  await using daemon = await DockerDaemon.start(laptop.url);
  expect(await daemon.docker('pull', 'hello-entrepot')).toContain(`Digest: ${hello.digest}`);
  expect(await daemon.run('hello-entrepot')).toBe(greeting);
  await using containerd = await Containerd.start({ 'docker.io': laptop.url });
  await containerd.pull('docker.io/library/hello-entrepot:latest');
  expect(await containerd.run('docker.io/library/hello-entrepot:latest')).toBe(greeting);
  await using podman = await Podman.create({ 'docker.io': laptop.host });
  await podman.pull('docker.io/library/hello-entrepot:latest');
  expect(await podman.digest('docker.io/library/hello-entrepot:latest')).toBe(hello.digest);
});
