import { cp, mkdir } from 'node:fs/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { DockerRegistry } from '../support/docker-registry.ts';
import { runnableImage, type Image } from '../support/image.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { command } from './support/command.ts';
import { Containerd } from './support/containerd.ts';
import { DockerDaemon } from './support/dockerd.ts';
import { Entrepot, entrepotMain } from './support/entrepot.ts';
import { Podman } from './support/podman.ts';
import { skopeoCopy, skopeoReference } from './support/skopeo.ts';

/** A tool's way to save an image. */
interface Saved {
  /** As it stands in the test's title. */
  readonly by: string;
  /** The file or folder that it wrote. */
  readonly path: string;
  /** Whether the registry's manifest is in it. */
  readonly whole: boolean;
  /** Whether it has a name that is served as it is. */
  readonly named: boolean;
}

const name = 'docker.io/library/hello:1';
const says = 'carried';
const closing = new AsyncDisposableStack();
let image: Image;
let folder: TempFolder;
let mirror: Entrepot;

const ways: readonly Saved[] = [
  { by: 'docker save', path: 'docker-save.tar', whole: false, named: true },
  { by: 'podman save', path: 'podman-save.tar', whole: false, named: true },
  { by: 'podman save of an image layout', path: 'podman-oci.tar', whole: false, named: true },
  { by: 'podman save of a docker-dir', path: 'podman-dir', whole: false, named: false },
  { by: 'ctr images export', path: 'ctr.tar', whole: true, named: true },
  { by: 'skopeo docker-archive', path: 'skopeo-docker.tar', whole: false, named: true },
  { by: 'skopeo oci-archive', path: 'skopeo-oci.tar', whole: true, named: true },
  { by: 'skopeo oci', path: 'skopeo-layout', whole: true, named: false },
  { by: 'skopeo dir', path: 'skopeo-dir', whole: true, named: false },
];

/** Has every tool save the image. */
async function save(): Promise<void> {
  image = await runnableImage(undefined, { oci: true, says });
  folder = closing.use(await TempFolder.create());
  mirror = closing.use(await Entrepot.start({ sections: { offline: true } }));
  await using registry = await DockerRegistry.start();
  await registry.push('library/hello', '1', image);
  await using docker = await DockerDaemon.start(registry.url);
  await docker.docker('pull', 'hello:1');
  await docker.docker('save', '--output', folder.join('docker-save.tar'), 'hello:1');
  await using podman = await Podman.create({ 'docker.io': new URL(registry.url).host });
  await podman.pull(name);
  await podman.podman('save', '--output', folder.join('podman-save.tar'), name);
  await podman.podman('save', '--format', 'oci-archive', '--output', folder.join('podman-oci.tar'), name);
  await podman.podman('save', '--format', 'docker-dir', '--output', folder.join('podman-dir'), name);
  await using containerd = await Containerd.start({ 'docker.io': registry.url });
  await containerd.pull(name);
  await containerd.ctr('images', 'export', folder.join('ctr.tar'), name);
  await containerd.ctr('images', 'tag', name, 'registry.example/not/mirrored:1', 'docker.io/library/node:2');
  await cp(containerd.root, folder.join('node'), { recursive: true });
  const source = skopeoReference(registry.url, 'library/hello:1');
  await mkdir(folder.join('skopeo-layout'));
  for (const destination of [
    `oci-archive:${folder.join('skopeo-oci.tar')}:${name}`,
    `oci:${folder.join('skopeo-layout')}:1`,
    `dir:${folder.join('skopeo-dir')}`,
  ]) {
    await skopeoCopy(source, destination);
  }
  const policy = ['--insecure-policy', '--src-tls-verify=false'];
  await command('skopeo', [
    'copy',
    ...policy,
    source,
    `docker-archive:${folder.join('skopeo-docker.tar')}:${name}`,
  ]);
}

let saving: Promise<void> | undefined;
const saved = (): Promise<void> => (saving ??= save());

afterAll(() => closing.disposeAsync(), 120_000);

/** Imports while the server runs; resolves to what was printed. */
async function importInto(...args: readonly string[]): Promise<string> {
  return command(process.execPath, [entrepotMain, 'import', '--config', mirror.configuration, ...args]);
}

/** The manifest that the mirror serves, and its digest. */
async function served(
  repository: string,
): Promise<{ readonly digest: string | null; readonly config: string }> {
  const accept =
    'application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json';
  const response = await fetch(`${mirror.url}/v2/${repository}/manifests/1`, { headers: { Accept: accept } });
  const manifest = (await response.json()) as { config: { digest: string } };
  return { digest: response.headers.get('docker-content-digest'), config: manifest.config.digest };
}

describe.each(ways)('what $by wrote', ({ path, whole }) => {
  const repository = `library/${path.replace('.tar', '')}`;

  test('is imported into a running server without any registry, and is the same image', async () => {
    await saved();
    const printed = await importInto(folder.join(path), '--as', `${repository}:1`);
    expect(printed).toMatch(/imported 1 image; /u);
    const { digest, config } = await served(repository);
    expect(config).toBe(image.config.digest);
    if (whole) expect(digest).toBe(image.digest);
  });

  test('is pulled and run by podman', async () => {
    await using podman = await Podman.create({ 'docker.io': mirror.host });
    const pulled = `docker.io/${repository}:1`;
    await podman.pull(pulled);
    const limits = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024', '--network', 'none'];
    expect(await podman.podman('run', '--rm', ...limits, pulled)).toBe(`${says}\n`);
  });
});

test.each(ways.filter(({ named }) => named))('what $by wrote has its name', async ({ path }) => {
  await saved();
  expect(await importInto(folder.join(path))).toContain(name);
});

test('a dockerd with a registry mirror, and a containerd, pull and run what docker save wrote, by its name', async () => {
  await saved();
  await importInto(folder.join('docker-save.tar'));
  await using docker = await DockerDaemon.start(mirror.url);
  await docker.docker('pull', 'hello:1');
  expect(await docker.run('hello:1')).toBe(`${says}\n`);
  const id = await docker.docker('image', 'inspect', '--format', '{{.Id}}', 'hello:1');
  expect(id.trim()).toBe(image.config.digest);
  await using containerd = await Containerd.start({ 'docker.io': mirror.url });
  await containerd.pull(name);
  expect(await containerd.run(name)).toBe(`${says}\n`);
});

test("a node's containerd is imported, but for registries that are not mirrored", async () => {
  await saved();
  const printed = await importInto(`containerd:${folder.join('node')}`);
  expect(printed).toContain('docker.io/library/node:2');
  expect(printed).not.toContain('not/mirrored');
  const accept = { headers: { Accept: image.mediaType } };
  const response = await fetch(`${mirror.url}/v2/library/node/manifests/2`, accept);
  expect(response.headers.get('docker-content-digest')).toBe(image.digest);
});

test('docker save is piped into an import', async () => {
  await saved();
  const args = ['import', '--config', mirror.configuration, '--as', 'piped:1', '-'];
  const script = 'file="$1"; shift; cat "$file" | "$@"';
  const piped = ['-c', script, 'sh', folder.join('docker-save.tar'), process.execPath, entrepotMain, ...args];
  expect(await command('sh', piped)).toContain('docker.io/library/piped:1');
  expect((await served('library/piped')).config).toBe(image.config.digest);
});
