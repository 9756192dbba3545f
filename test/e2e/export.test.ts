import { execFileSync } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { gunzipSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { digestOf } from '../../src/oci/digest.ts';
import { parsePlatforms } from '../../src/oci/platform.ts';
import { makeAttestedIndex } from '../support/attested-index.ts';
import { ExportFixture } from '../support/export-fixture.ts';
import {
  assembleImage,
  content,
  descriptor,
  makeImage,
  runnableImage,
  type Image,
  type ImageIndex,
} from '../support/image.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { command } from './support/command.ts';
import { Containerd } from './support/containerd.ts';
import { DockerDaemon } from './support/dockerd.ts';
import { Podman } from './support/podman.ts';

/** What is exported, and what tools are to make of it. */
interface Form {
  /** As it stands in the test's title. */
  readonly what: string;
  readonly image: string;
  readonly file: string;
  /** What index.json names. */
  readonly root: Image | ImageIndex;
  /** What this machine runs of it. */
  readonly host: Image;
}

const hello = await runnableImage(undefined, { oci: true, says: 'one' });
const second = await runnableImage(undefined, { oci: true, says: 'two' });
const schema2 = await runnableImage(undefined, { says: 'three' });
const arm64 = makeImage({ oci: true, seed: 5 });
const [attestation] = makeAttestedIndex(1).attestations as [Image];
const signature = makeImage({ oci: true, layers: [300], seed: 7 });
const attested = indexOf([hello, arm64], attestation);
const plain = indexOf([hello, arm64]);
const zstd = withZstd(second);
const twice = withLayersTwice(hello);

/** The files of a folder that one command writes each image to. */
const forms: readonly Form[] = [
  { what: 'one image', image: 'hello:1', file: 'hello_1', root: hello, host: hello },
  { what: 'a Docker schema 2 manifest', image: 'schema2:1', file: 'schema2_1', root: schema2, host: schema2 },
  { what: 'a layer twice, and an empty one', image: 'twice:1', file: 'twice_1', root: twice, host: twice },
  { what: 'a whole index', image: 'plain:1', file: 'plain_1', root: plain, host: hello },
  {
    what: 'an index with attestations',
    image: 'attested:1',
    file: 'attested_1',
    root: attested,
    host: hello,
  },
  { what: 'one platform', image: 'part:1', file: 'part_1@linux-amd64', root: hello, host: hello },
];

const closing = new AsyncDisposableStack();
let cache: ExportFixture;
let folder: TempFolder;
/** Started by the first test that needs them. */
const daemons: {
  docker?: Promise<DockerDaemon>;
  containerd?: Promise<Containerd>;
  podman?: Promise<Podman>;
} = {};
const startDocker = async (): Promise<DockerDaemon> =>
  closing.use(await DockerDaemon.start('http://127.0.0.1:1'));
const startContainerd = async (): Promise<Containerd> => closing.use(await Containerd.start({}));
const startPodman = async (): Promise<Podman> => closing.use(await Podman.create({}));
const theDocker = (): Promise<DockerDaemon> => (daemons.docker ??= startDocker());
const theContainerd = (): Promise<Containerd> => (daemons.containerd ??= startContainerd());
const thePodman = (): Promise<Podman> => (daemons.podman ??= startPodman());

beforeAll(async () => {
  cache = closing.use(await ExportFixture.open());
  folder = closing.use(await TempFolder.create());
  for (const [name, image] of Object.entries({ hello, schema2, twice, zstd })) {
    await cache.cache.hold(image, `library/${name}`, '1');
  }
  await cache.cache.hold(hello, 'library/hello', 'again');
  await cache.cache.hold(second, 'library/signed', '1');
  await cache.cache.hold(signature, 'library/signed', `${second.digest.replace(':', '-')}.sig`);
  await cache.holdIndex(plain, 'library/plain', '1');
  await cache.holdIndex(attested, 'library/attested', '1');
  await cache.holdIndex(attested, 'library/part', '1', [hello, attestation]);
  const whole = [...forms.slice(0, -1).map(({ image }) => image), 'zstd:1', 'signed:1'];
  await exportTo(whole, { platform: 'all' });
  await exportTo(['part:1'], { platform: parsePlatforms('linux/amd64') });
}, 240_000);

afterAll(() => closing.disposeAsync(), 120_000);

async function exportTo(
  images: readonly string[],
  options: Parameters<ExportFixture['export']>[1],
): Promise<void> {
  const { code, err } = await cache.export(images, { output: `${folder.path}/`, ...options });
  if (code !== 0) throw new Error(err);
}

function fileOf({ file }: Pick<Form, 'file'>): string {
  return folder.join(`docker.io_library_${file}.tar`);
}

/** What its container prints. */
function words(image: Image): string {
  const { config } = JSON.parse(image.config.bytes.toString()) as { config: { Cmd: readonly string[] } };
  return `${config.Cmd.at(-1) ?? ''}\n`;
}

describe.each(forms)('an archive of $what', (form) => {
  const { image, root, host } = form;
  const name = `docker.io/library/${image}`;

  test('is loaded and run by docker, with the same image ID', async () => {
    const docker = await theDocker();
    await docker.docker('load', '--input', fileOf(form));
    expect(await idOf(name)).toBe(host.config.digest);
    expect(await docker.run(image)).toBe(words(host));
    await docker.docker('rmi', '--force', image);
  });

  test('is loaded and run by podman, with the same image ID and the digest of the registry', async () => {
    const podman = await thePodman();
    await podman.podman('load', '--input', fileOf(form));
    const inspect = async (what: string): Promise<string> =>
      (await podman.podman('image', 'inspect', '--format', what, name)).trim();
    expect(`sha256:${await inspect('{{.Id}}')}`).toBe(host.config.digest);
    expect([root.digest, host.digest]).toContain(await inspect('{{.Digest}}'));
    expect(
      await podman.podman(
        'run',
        '--rm',
        '--ulimit',
        'nofile=1024:1024',
        '--ulimit',
        'nproc=1024:1024',
        '--network',
        'none',
        name,
      ),
    ).toBe(words(host));
    await podman.podman('rmi', '--force', name);
  });

  test('is imported and run by containerd, with the digest of the registry', async () => {
    const containerd = await theContainerd();
    await containerd.ctr('images', 'import', '--snapshotter', 'native', fileOf(form));
    expect(await containerd.digest(name)).toBe(root.digest);
    expect(await containerd.run(name)).toBe(words(host));
    await containerd.forget(name);
  });

  test('is imported by containerd with all its platforms, as kind does', async () => {
    const containerd = await theContainerd();
    await containerd.ctr('images', 'import', '--no-unpack', '--all-platforms', fileOf(form));
    expect(await containerd.digest(name)).toBe(root.digest);
    await containerd.forget(name);
  });

  test('is copied by skopeo, as an OCI archive with the digest of the registry', async () => {
    const target = folder.join(`oci-${basename(fileOf(form))}`);
    await command('skopeo', [
      '--insecure-policy',
      'copy',
      '--all',
      '--preserve-digests',
      `oci-archive:${fileOf(form)}`,
      `dir:${target}`,
    ]);
    const manifest = await command('cat', [join(target, 'manifest.json')]);
    expect(digestOf(Buffer.from(manifest))).toBe(root.digest);
  });

  test('is copied by skopeo, as an archive of Docker, with the same image ID', async () => {
    const target = folder.join(`docker-${basename(fileOf(form))}`);
    await command('skopeo', ['--insecure-policy', 'copy', `docker-archive:${fileOf(form)}`, `dir:${target}`]);
    expect(await readdir(target)).toContain(host.config.digest.slice('sha256:'.length));
  });
});

test.each(forms.filter(({ root }) => root === hello))('umoci unpacks $what', async (form) => {
  const layout = await unpacked(form);
  await command('umoci', ['unpack', '--image', `${layout}:1`, `${layout}-bundle`]);
  expect(await readdir(`${layout}-bundle/rootfs/bin`)).toEqual(['busybox']);
});

test('layers in zstd are for podman, containerd and skopeo, and nothing for Docker 20.10', async () => {
  const docker = await theDocker();
  const containerd = await theContainerd();
  const podman = await thePodman();
  const form = { file: 'zstd_1' };
  const name = 'docker.io/library/zstd:1';
  await podman.podman('load', '--input', fileOf(form));
  expect(
    await podman.podman(
      'run',
      '--rm',
      '--ulimit',
      'nofile=1024:1024',
      '--ulimit',
      'nproc=1024:1024',
      '--network',
      'none',
      name,
    ),
  ).toBe(words(zstd));
  await podman.podman('rmi', '--force', name);
  await containerd.ctr('images', 'import', '--snapshotter', 'native', fileOf(form));
  expect(await containerd.run(name)).toBe(words(zstd));
  await containerd.forget(name);
  const target = folder.join('zstd');
  await command('skopeo', ['--insecure-policy', 'copy', `oci-archive:${fileOf(form)}`, `dir:${target}`]);
  await expect(docker.docker('load', '--input', fileOf(form))).rejects.toThrow('invalid tar header');
});

test('an image by its digest is loaded by its ID, or under its digest', async () => {
  const image = `docker.io/library/hello@${hello.digest}`;
  const file = folder.join('digest.tar');
  await exportTo([image], { output: file, platform: 'all' });
  const docker = await theDocker();
  expect(await docker.docker('load', '--input', file)).toContain(`Loaded image ID: ${hello.config.digest}`);
  expect(await docker.run(hello.config.digest)).toBe(words(hello));
  await docker.docker('rmi', '--force', hello.config.digest);
  const containerd = await theContainerd();
  await containerd.ctr('images', 'import', '--snapshotter', 'native', file);
  expect(await containerd.run(image)).toBe(words(hello));
  await containerd.forget(image);
  const podman = await thePodman();
  await podman.podman('load', '--input', file);
  expect(await podman.podman('image', 'inspect', '--format', '{{.Id}}', image)).toContain(
    hello.config.digest.slice('sha256:'.length),
  );
  await podman.podman('rmi', '--force', '--all');
});

test('one image under two tags has both', async () => {
  const file = folder.join('tags.tar');
  await exportTo(['hello:1', 'hello:again'], { output: file, platform: 'all' });
  const names = ['docker.io/library/hello:1', 'docker.io/library/hello:again'];
  const docker = await theDocker();
  const containerd = await theContainerd();
  const podman = await thePodman();
  await docker.docker('load', '--input', file);
  await containerd.ctr('images', 'import', '--no-unpack', file);
  await podman.podman('load', '--input', file);
  for (const name of names) {
    expect(await idOf(name)).toBe(hello.config.digest);
    expect(await containerd.digest(name)).toBe(hello.digest);
    await podman.podman('image', 'exists', name);
    const raw = await command('skopeo', ['inspect', '--raw', `oci-archive:${file}:${name}`]);
    expect(digestOf(Buffer.from(raw))).toBe(hello.digest);
  }
  await docker.docker('rmi', '--force', ...names);
  await containerd.ctr('images', 'rm', '--sync', ...names);
  await podman.podman('rmi', '--force', '--all');
});

test('signatures are in a file of their own, for skopeo and the like', async () => {
  const file = folder.join('docker.io_library_signed_1@referrers.tar');
  const raw = await command('skopeo', ['inspect', '--raw', `oci-archive:${file}`]);
  expect(digestOf(Buffer.from(raw))).toBe(signature.digest);
});

describe('several images in one file', () => {
  const images = ['hello:1', 'schema2:1', 'twice:1'];
  const bundle = (): string => folder.join('bundle.tar');
  beforeAll(() => exportTo(images, { output: bundle(), platform: 'all' }), 120_000);

  test('are all loaded by docker, from parts that cat joins', async () => {
    const docker = await theDocker();
    await exportTo(images, { output: folder.join('parts.tar'), platform: 'all', size: 1024 * 1024 });
    const environment = docker.environment;
    execFileSync('sh', ['-c', `cat ${folder.join('parts.tar')}.* | docker load`], { env: environment });
    for (const [image, expected] of [
      ['hello:1', hello],
      ['schema2:1', schema2],
      ['twice:1', twice],
    ] as const) {
      expect(await idOf(image)).toBe(expected.config.digest);
    }
    await docker.docker('rmi', '--force', ...images);
  });

  test('are all loaded by podman, or one by one with the digest of the registry', async () => {
    const podman = await thePodman();
    const printed = await podman.podman('load', '--input', bundle());
    for (const image of images) expect(printed).toContain(`docker.io/library/${image}`);
    await podman.podman('rmi', '--force', '--all');
    const pulled = `oci-archive:${bundle()}:docker.io/library/hello:1`;
    const id = (await podman.podman('pull', '--quiet', pulled)).trim();
    expect(`sha256:${id}`).toBe(hello.config.digest);
    expect((await podman.podman('image', 'inspect', '--format', '{{.Digest}}', id)).trim()).toBe(
      hello.digest,
    );
    await podman.podman('rmi', '--force', '--all');
  });

  test('are all imported by containerd', async () => {
    const containerd = await theContainerd();
    await containerd.ctr('images', 'import', '--snapshotter', 'native', bundle());
    expect(await containerd.digest('docker.io/library/schema2:1')).toBe(schema2.digest);
    expect(await containerd.run('docker.io/library/hello:1')).toBe(words(hello));
    await containerd.ctr('images', 'rm', '--sync', ...images.map((image) => `docker.io/library/${image}`));
  });

  test('are copied by skopeo by their names; what has no OCI manifest, from the half for Docker', async () => {
    const named = async (kind: string, image: string): Promise<string> =>
      command('skopeo', ['inspect', '--raw', `${kind}:${bundle()}:docker.io/library/${image}`]);
    expect(digestOf(Buffer.from(await named('oci-archive', 'hello:1')))).toBe(hello.digest);
    for (const [image, expected] of [
      ['hello:1', hello],
      ['schema2:1', schema2],
    ] as const) {
      const { config } = JSON.parse(await named('docker-archive', image)) as { config: { digest: string } };
      expect(config.digest).toBe(expected.config.digest);
    }
    await expect(named('oci-archive', 'schema2:1')).rejects.toThrow('no descriptor found');
  });

  test('are unpacked by umoci by their names', async () => {
    const layout = folder.join('bundle');
    await unpackTo(layout, bundle());
    const names = (await command('umoci', ['ls', '--layout', layout])).trim().split('\n');
    expect(names).toEqual(images.map((image) => `docker.io/library/${image}`));
  });
});

/** Docker's name for an image: the digest of its config. */
async function idOf(image: string): Promise<string> {
  const docker = await theDocker();
  return (await docker.docker('image', 'inspect', '--format', '{{.Id}}', image)).trim();
}

async function unpacked(form: Form): Promise<string> {
  const layout = folder.join(`layout-${form.image.replace(':', '-')}`);
  await unpackTo(layout, fileOf(form));
  return layout;
}

async function unpackTo(target: string, file: string): Promise<void> {
  await mkdir(target);
  await command('tar', ['--extract', '--file', file, '--directory', target]);
}

/** An index of images for amd64 and arm64, with what attests something of the first. */
function indexOf([amd64, other]: readonly [Image, Image], attests?: Image): ImageIndex {
  const platform = (architecture: string): object => ({ architecture, os: 'linux' });
  const manifests = [
    { ...descriptor(amd64), platform: platform('amd64') },
    { ...descriptor(other), platform: platform('arm64') },
    ...(attests === undefined
      ? []
      : [
          {
            ...descriptor(attests),
            platform: { architecture: 'unknown', os: 'unknown' },
            annotations: {
              'vnd.docker.reference.digest': amd64.digest,
              'vnd.docker.reference.type': 'attestation-manifest',
            },
          },
        ]),
  ];
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests }));
  return {
    ...content(bytes, mediaType),
    images: [amd64, other, ...(attests === undefined ? [] : [attests])],
  };
}

/** The same image with its layers in zstd. */
function withZstd(image: Image): Image {
  const [layer] = image.layers as [Image['config']];
  const config: unknown = JSON.parse(image.config.bytes.toString());
  const made = assembleImage([zstdCompressSync(gunzipSync(layer.bytes))], config, true);
  const text = made.bytes.toString().replace('.tar+gzip', '.tar+zstd');
  return { ...made, ...content(Buffer.from(text), made.mediaType) };
}

/** An image that has its layer twice, and one without any file. */
function withLayersTwice(image: Image): Image {
  const [layer] = image.layers as [Image['config']];
  const config = JSON.parse(image.config.bytes.toString()) as {
    rootfs: { diff_ids: readonly string[] };
    history: readonly object[];
  };
  const nothing = Buffer.alloc(1024);
  const [diff = ''] = config.rootfs.diff_ids;
  const more = { diff_ids: [diff, digestOf(nothing), diff], type: 'layers' };
  const history = Array.from({ length: 3 }, () => config.history[0]);
  return assembleImage(
    [layer.bytes, gzipSync(nothing), layer.bytes],
    { ...config, rootfs: more, history },
    true,
  );
}
