import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { parse as parseToml } from 'smol-toml';
import { expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { FakeHub } from '../support/fake-hub.ts';
import { runnableImage } from '../support/image.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { command } from './support/command.ts';
import { Containerd } from './support/containerd.ts';
import { DockerDaemon } from './support/dockerd.ts';
import { Entrepot, entrepotMain } from './support/entrepot.ts';
import { Podman } from './support/podman.ts';

/** No registry but the tests' own have these, so that a fallback finds nothing. */
const ofHub = 'library/hello-entrepot';
const ofGhcr = 'acme/hello-entrepot';

/** A mirror of two registries, and a folder that stands for the root of the client's machine. */
async function fixture(resources: AsyncDisposableStack) {
  const image = await runnableImage();
  const hub = resources.use(await FakeHub.start());
  hub.addImage(ofHub, 'latest', image);
  const ghcr = resources.use(await FakeHub.start());
  ghcr.addImage(ofGhcr, 'latest', image);
  const upstreams = { 'docker.io': { url: hub.url }, 'ghcr.io': { url: ghcr.url } };
  const mirror = resources.use(await Entrepot.start({ sections: { upstreams } }));
  const machine = resources.use(await TempFolder.create());
  const setup = async (client: string, ...options: readonly string[]): Promise<string> =>
    command(process.execPath, [
      entrepotMain,
      'setup',
      client,
      mirror.configuration,
      `--mirror=${mirror.url}`,
      `--root=${machine.path}`,
      ...options,
    ]);
  return { image, mirror, machine, setup };
}

async function write(machine: TempFolder, path: string, text: string): Promise<string> {
  const file = machine.join(path);
  await mkdir(file.replace(/\/[^/]*$/u, ''), { recursive: true });
  await writeFile(file, text);
  return file;
}

test('dockerd takes up the daemon.json of setup without a restart, and pulls through it', async () => {
  await using resources = new AsyncDisposableStack();
  const { image, mirror, machine, setup } = await fixture(resources);
  const before = '{"max-concurrent-downloads": 2}';
  const configFile = await write(machine, 'etc/docker/daemon.json', before);
  const daemon = resources.use(await DockerDaemon.start({ configFile }));

  await setup('docker', '--apply');
  await daemon.reload();

  const mirrors = await daemon.docker('info', '--format', '{{json .RegistryConfig.Mirrors}}');
  expect(JSON.parse(mirrors)).toEqual([`${mirror.url}/`]);
  expect(await daemon.docker('pull', 'hello-entrepot')).toContain(`Digest: ${image.digest}`);
  expect(await daemon.docker('pull', `${mirror.host}/ghcr.io/${ofGhcr}`)).toContain(
    `Digest: ${image.digest}`,
  );

  await setup('docker', '--undo');
  expect(await readFile(configFile, 'utf8')).toBe(before);
});

test('containerd accepts the config.toml of setup, and pulls from two registries by its hosts.toml files', async () => {
  await using resources = new AsyncDisposableStack();
  const { image, machine, setup } = await fixture(resources);
  await setup('containerd', '--apply');

  const config = machine.join('etc', 'containerd', 'config.toml');
  const inForce = parseToml(await command('containerd', ['--config', config, 'config', 'dump']));
  expect(inForce).toMatchObject({
    plugins: { 'io.containerd.grpc.v1.cri': { registry: { config_path: '/etc/containerd/certs.d' } } },
  });
  const hostsDir = machine.join('etc', 'containerd', 'certs.d');
  const containerd = resources.use(await Containerd.start({}, { hostsDir }));
  for (const name of [`docker.io/${ofHub}:latest`, `ghcr.io/${ofGhcr}:latest`]) {
    await containerd.pull(name);
    expect(await containerd.digest(name)).toBe(image.digest);
  }
});

// containerd 1.6 logs "unknown capability referrers", and goes to the registry itself.
test('containerd passes over a hosts.toml that is for a newer one, and takes the one that is for every version', async () => {
  await using resources = new AsyncDisposableStack();
  const { image, machine, setup } = await fixture(resources);
  const hostsDir = machine.join('etc', 'containerd', 'certs.d');
  const containerd = resources.use(await Containerd.start({}, { hostsDir }));
  const name = `ghcr.io/${ofGhcr}:latest`;

  await setup('containerd', '--apply', '--client-version=2.2.0');
  await expect(containerd.pull(name)).rejects.toThrow();

  await setup('containerd', '--apply', '--client-version=1.6.20');
  await containerd.pull(name);
  expect(await containerd.digest(name)).toBe(image.digest);
});

test('podman pulls from two registries by the registries.conf of setup', async () => {
  await using resources = new AsyncDisposableStack();
  const { image, machine, setup } = await fixture(resources);

  await setup('podman', '--apply');

  const podman = resources.use(
    await Podman.with(machine.join('etc', 'containers', 'registries.conf.d', '50-entrepot.conf')),
  );
  for (const name of [`docker.io/${ofHub}:latest`, `ghcr.io/${ofGhcr}:latest`]) {
    await podman.pull(name);
    expect(await podman.digest(name)).toBe(image.digest);
  }
});

/** Runs the line that the README has for a client, its comment begins so, for this mirror and this machine. */
async function runLineOfReadme(comment: string, mirror: Entrepot, machine: TempFolder): Promise<void> {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const lines = readme.split('\n');
  const line = lines[lines.findIndex((each) => each.startsWith(`# ${comment}`)) + 1] ?? '';
  const here = line
    .replace(/ && systemctl restart \w+$/u, '')
    .replaceAll('/etc/', `${machine.path}/etc/`)
    .replaceAll('mirror.lan:5000', mirror.host);
  await command('sh', ['-e', '-c', here]);
}

test('the line of the README for Docker makes dockerd pull through the mirror', async () => {
  await using resources = new AsyncDisposableStack();
  const { image, mirror, machine } = await fixture(resources);
  await mkdir(machine.join('etc', 'docker'), { recursive: true });

  await runLineOfReadme('Docker', mirror, machine);

  const configFile = machine.join('etc', 'docker', 'daemon.json');
  const daemon = resources.use(await DockerDaemon.start({ configFile }));
  expect(await daemon.docker('pull', 'hello-entrepot')).toContain(`Digest: ${image.digest}`);
});

test('the line of the README for containerd makes it pull from two registries through the mirror', async () => {
  await using resources = new AsyncDisposableStack();
  const { image, mirror, machine } = await fixture(resources);

  await runLineOfReadme('containerd', mirror, machine);

  const hostsDir = machine.join('etc', 'containerd', 'certs.d');
  const containerd = resources.use(await Containerd.start({}, { hostsDir }));
  for (const name of [`docker.io/${ofHub}:latest`, `ghcr.io/${ofGhcr}:latest`]) {
    await containerd.pull(name);
    expect(await containerd.digest(name)).toBe(image.digest);
  }
});

test('the line of the README for podman makes it pull through the mirror', async () => {
  await using resources = new AsyncDisposableStack();
  const { image, mirror, machine } = await fixture(resources);
  await mkdir(machine.join('etc', 'containers', 'registries.conf.d'), { recursive: true });

  await runLineOfReadme('podman', mirror, machine);

  const podman = resources.use(
    await Podman.with(machine.join('etc', 'containers', 'registries.conf.d', '50-entrepot.conf')),
  );
  for (const name of [`docker.io/${ofHub}:latest`, `ghcr.io/${ofGhcr}:latest`]) {
    await podman.pull(name);
    expect(await podman.digest(name)).toBe(image.digest);
  }
});

test('the lines of the README for k3s and BuildKit write files that parse as what is meant', async () => {
  await using resources = new AsyncDisposableStack();
  const { mirror, machine } = await fixture(resources);
  await mkdir(machine.join('etc', 'buildkit'), { recursive: true });

  await runLineOfReadme('k3s', mirror, machine);
  await runLineOfReadme('BuildKit', mirror, machine);

  const k3s = await readFile(machine.join('etc', 'rancher', 'k3s', 'registries.yaml'), 'utf8');
  const endpoint = [mirror.url];
  expect(parseYaml(k3s)).toEqual({
    mirrors: {
      'docker.io': { endpoint },
      'ghcr.io': { endpoint },
      'quay.io': { endpoint },
      'registry.k8s.io': { endpoint },
    },
  });
  const buildkit = await readFile(machine.join('etc', 'buildkit', 'buildkitd.toml'), 'utf8');
  const mirrors = [mirror.host];
  expect(parseToml(buildkit)).toEqual({
    registry: {
      'docker.io': { mirrors },
      'ghcr.io': { mirrors },
      'quay.io': { mirrors },
      [mirror.host]: { http: true },
    },
  });
});
