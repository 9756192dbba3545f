import { mkdir, readdir, symlink } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { eventually } from '../support/deadline.ts';
import { DockerRegistry } from '../support/docker-registry.ts';
import { makeImage, type Image } from '../support/image.ts';
import { committedBlobs } from '../support/store-folder.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { command } from './support/command.ts';
import { Entrepot, entrepotMain } from './support/entrepot.ts';
import { SmallDisk } from './support/small-disk.ts';

/** An image with a layer that no test leaves room for when it fills a disk. */
function image(seed: number): Image {
  return makeImage({ layers: [400_000, 900_000], seed });
}

/** Entrepot with its data in `root`, in front of that registry, on a disk that may be filled to the brim. */
async function startOn(root: string, upstream: DockerRegistry): Promise<Entrepot> {
  return Entrepot.start({
    sections: {
      proxy: { remoteurl: upstream.url },
      storage: { filesystem: { rootdirectory: root }, minfree: 0 },
    },
  });
}

/** Pulls an image as a client does, and sees that every byte is right. */
async function pull(mirror: Entrepot, tag: string, expected: Image): Promise<void> {
  const manifest = await get(`${mirror.url}/v2/team/app/manifests/${tag}`, expected.mediaType);
  expect(manifest.equals(expected.bytes)).toBe(true);
  for (const { digest, bytes } of [expected.config, ...expected.layers]) {
    const blob = await get(`${mirror.url}/v2/team/app/blobs/${digest}`);
    expect(blob.equals(bytes)).toBe(true);
  }
}

async function get(url: string, accept = '*/*'): Promise<Buffer> {
  const response = await fetch(url, { headers: { accept } });
  const body = Buffer.from(await response.arrayBuffer());
  if (response.status !== 200) throw new Error(`${url}: ${response.status} ${body.toString()}`);
  return body;
}

async function readiness(mirror: Entrepot): Promise<{ readonly status: number; readonly text: string }> {
  const response = await fetch(`${mirror.url}/readyz`);
  return { status: response.status, text: await response.text() };
}

/** How often the log says that the cache has failed, or that it is back. */
function said(mirror: Entrepot, pattern: RegExp): number {
  return mirror.output.split('\n').filter((line) => pattern.test(line)).length;
}

/** Waits for what the issue promises: that caching comes back by itself, with nobody touching the process. */
async function recovered(mirror: Entrepot): Promise<void> {
  await eventually(90_000, 'the cache works again', async () => (await readiness(mirror)).status === 200);
}

/** Whether all blobs of these images are committed. */
async function holds(root: string, ...images: readonly Image[]): Promise<boolean> {
  const committed = await committedBlobs(root);
  const blobs = images.flatMap(({ config, layers }) => [config, ...layers]);
  return blobs.every(({ digest }) => committed.includes(digest.slice(7)));
}

/** Waits until what was pulled is committed, which comes after the client has all of it. */
async function stored(root: string, ...images: readonly Image[]): Promise<void> {
  await eventually(60_000, 'what was pulled is stored', () => holds(root, ...images));
}

/**
 * Pulls images until they are stored, and then with the registry gone. A mirror that finds the disk full as
 * it starts looks at it again after a minute.
 */
async function cachesAgain(mirror: Entrepot, upstream: DockerRegistry, root: string): Promise<void> {
  const pullBoth = async (): Promise<void> => {
    await pull(mirror, 'v1', image(1));
    await pull(mirror, 'v2', image(2));
  };
  await eventually(90_000, 'what is pulled is stored', async () => {
    await pullBoth();
    await delay(500);
    return holds(root, image(1), image(2));
  });
  await upstream.stop();
  await pullBoth();
}

async function twoImages(upstream: DockerRegistry): Promise<void> {
  await upstream.push('team/app', 'v1', image(1));
  await upstream.push('team/app', 'v2', image(2));
}

const failed = /the cache has failed/u;
const worksAgain = /the cache works again/u;

test.each([
  ['full', async (disk: SmallDisk) => disk.fill()],
  ['out of inodes', async (disk: SmallDisk) => disk.fillFiles()],
])(
  'a disk that is %s: pulls go on, readiness tells, and caching comes back by itself',
  async (_how, fill) => {
    await using upstream = await DockerRegistry.start();
    await twoImages(upstream);
    await using disk = await SmallDisk.tmpfs({ mebibytes: 32, files: 1000 });
    await using mirror = await startOn(`${disk.path}/data`, upstream);
    expect((await readiness(mirror)).status).toBe(200);

    await fill(disk);
    await pull(mirror, 'v1', image(1));
    await pull(mirror, 'v2', image(2));
    await eventually(60_000, 'readiness tells', async () => (await readiness(mirror)).status === 503);
    expect((await readiness(mirror)).text).toMatch(/full|files|room|free/iu);
    await pull(mirror, 'v1', image(1));
    await mirror.logged(failed);
    expect(said(mirror, failed)).toBe(1);

    await disk.free();
    await recovered(mirror);
    await pull(mirror, 'v1', image(1));
    await cachesAgain(mirror, upstream, `${disk.path}/data`);
    await mirror.logged(worksAgain);
    expect(said(mirror, failed)).toBe(1);
    expect(said(mirror, worksAgain)).toBe(1);
  },
);

test('a disk that has no room for another blob is made room on by evicting what is older', async () => {
  await using upstream = await DockerRegistry.start();
  await twoImages(upstream);
  await using disk = await SmallDisk.tmpfs({ mebibytes: 32 });
  await using mirror = await startOn(`${disk.path}/data`, upstream);
  await pull(mirror, 'v1', image(1));
  await stored(`${disk.path}/data`, image(1));

  await disk.fill(256 * 1024);
  await pull(mirror, 'v2', image(2));
  await eventually(60_000, 'the second image takes the place of the first', async () => {
    await pull(mirror, 'v2', image(2));
    await delay(500);
    return holds(`${disk.path}/data`, image(2));
  });
  expect(await committedBlobs(`${disk.path}/data`)).not.toContain(image(1).layers[1]?.digest.slice(7));
});

test('a disk that somebody else fills to the last byte and for good: what is older goes, and pulls are cached again', async () => {
  await using upstream = await DockerRegistry.start();
  for (const seed of [1, 2, 3, 4]) await upstream.push('team/app', `v${seed}`, image(seed));
  await using disk = await SmallDisk.tmpfs({ mebibytes: 32 });
  await using mirror = await startOn(`${disk.path}/data`, upstream);
  for (const seed of [1, 2, 3]) await pull(mirror, `v${seed}`, image(seed));
  await stored(`${disk.path}/data`, image(1), image(2), image(3));
  await eventually(60_000, 'there is a reserve', async () =>
    (await readdir(`${disk.path}/data`)).includes('reserve'),
  );

  await disk.fill();
  await eventually(60_000, 'another image takes the place of older ones', async () => {
    await pull(mirror, 'v4', image(4));
    await delay(500);
    return holds(`${disk.path}/data`, image(4));
  });
  await recovered(mirror);
  expect(await holds(`${disk.path}/data`, image(1))).toBe(false);
});

test('a disk that is filled while nothing runs: what is cached can be looked at and removed, and the server starts', async () => {
  await using upstream = await DockerRegistry.start();
  await twoImages(upstream);
  await using disk = await SmallDisk.tmpfs({ mebibytes: 32 });
  await using mirror = await startOn(`${disk.path}/data`, upstream);
  await pull(mirror, 'v1', image(1));
  await pull(mirror, 'v2', image(2));
  await stored(`${disk.path}/data`, image(1), image(2));
  await mirror.stop();
  await disk.fill();

  const care = async (...args: readonly string[]): Promise<string> =>
    command(process.execPath, [entrepotMain, ...args, '--config', mirror.configuration]);
  expect(await care('ls')).toMatch(/team\/app:v1/u);
  expect(await care('rm', 'team/app:v1')).toMatch(/^removed team\/app:v1/u);

  await disk.free();
  await disk.fill();
  await upstream.stop();
  await mirror.restart();
  await pull(mirror, 'v2', image(2));
});

test('a read-only remount: pulls go on, readiness tells, and caching comes back with the remount', async () => {
  await using upstream = await DockerRegistry.start();
  await twoImages(upstream);
  await using disk = await SmallDisk.tmpfs({ mebibytes: 32 });
  await using data = await TempFolder.create();
  // Linux refuses to make a file system read-only while a database on it is open for writing.
  for (const name of ['blobs', 'ingest']) {
    await mkdir(`${disk.path}/${name}`);
    await symlink(`${disk.path}/${name}`, data.join(name));
  }
  await using mirror = await startOn(data.path, upstream);
  await pull(mirror, 'v1', image(1));
  await stored(disk.path, image(1));
  // A fill's handle stays open for a moment after its last byte.
  await eventually(60_000, 'no file is open for writing', async () =>
    disk.remount('ro').then(
      () => true,
      () => false,
    ),
  );

  await pull(mirror, 'v1', image(1));
  await pull(mirror, 'v2', image(2));
  await eventually(60_000, 'readiness tells', async () => (await readiness(mirror)).status === 503);
  expect((await readiness(mirror)).text).toMatch(/cannot be written to/u);
  await mirror.logged(failed);
  expect(said(mirror, failed)).toBe(1);

  await disk.remount('rw');
  await recovered(mirror);
  await cachesAgain(mirror, upstream, disk.path);
  await mirror.logged(worksAgain);
});

test('a disk that is full is no reason not to stop, nor not to start again', async () => {
  await using upstream = await DockerRegistry.start();
  await twoImages(upstream);
  await using disk = await SmallDisk.tmpfs({ mebibytes: 32 });
  await using mirror = await startOn(`${disk.path}/data`, upstream);
  await pull(mirror, 'v1', image(1));
  await stored(`${disk.path}/data`, image(1));
  await disk.fill();
  await pull(mirror, 'v1', image(1));
  await mirror.restart();
  await pull(mirror, 'v1', image(1));
  await pull(mirror, 'v2', image(2));
  await disk.free();
  await recovered(mirror);
  await cachesAgain(mirror, upstream, `${disk.path}/data`);
  expect((await readiness(mirror)).status).toBe(200);
});

test('a file system that the kernel gives up: pulls go on, and after a repair the cache is what it was', async () => {
  await using upstream = await DockerRegistry.start();
  await twoImages(upstream);
  await using disk = await SmallDisk.ext4({ mebibytes: 48 });
  await using mirror = await startOn(`${disk.path}/data`, upstream);
  await pull(mirror, 'v1', image(1));
  await stored(`${disk.path}/data`, image(1));

  await disk.abort();
  await pull(mirror, 'v1', image(1));
  await pull(mirror, 'v2', image(2));
  await eventually(60_000, 'readiness tells', async () => (await readiness(mirror)).status === 503);
  // It ends with 0, as it does on any other day.
  await mirror.stop();

  await disk.repair();
  await mirror.restart();
  expect((await readiness(mirror)).status).toBe(200);
  await cachesAgain(mirror, upstream, `${disk.path}/data`);
});
