import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ask } from '../support/ask.ts';
import { dockerSave, layout, named, plainImage, tarOf } from '../support/archive.ts';
import { entrepot as program } from '../support/cli.ts';
import { eventually } from '../support/deadline.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { assembleImage, makeImage, noise } from '../support/image.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { TestEntrepot } from '../support/test-entrepot.ts';

const repository = 'library/app';
const name = 'docker.io/library/app:1';
const image = makeImage({ oci: true });
const moved = makeImage({ oci: true, seed: 2 });
const large = assembleImage([noise(6_000_000, 'large')], { seed: 'large' }, true);

const entry = join(import.meta.dirname, '../../src/main.ts');

function environment(data: string): Record<string, string> {
  return { REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: data };
}

/** Runs `entrepot import` on a data folder; resolves to what it printed. */
async function importInto(data: string, tar: Buffer, ...options: readonly string[]): Promise<string> {
  await using folder = await TempFolder.create();
  await writeFile(folder.join('app.tar'), tar);
  await using child = program(['import', folder.join('app.tar'), ...options], data, environment(data));
  expect(await child.exited()).toEqual({ code: 0, signal: null });
  return child.stdout;
}

function tagged(mirror: TestEntrepot): ReturnType<typeof ask> {
  return ask(mirror.url, `/v2/${repository}/manifests/1`);
}

test('what a running server is given from an archive is served at once, also in place of what it has in memory', async () => {
  await using hub = await FakeHub.start();
  await using mirror = await TestEntrepot.start({ upstream: hub.url });
  hub.addImage(repository, '1', image);
  expect((await tagged(mirror)).bytes).toEqual(image.bytes);
  hub.down();

  const printed = await importInto(mirror.folder, tarOf(layout([named(moved, name)], moved)), '--pin');

  expect(printed).toContain('replaced');
  expect((await tagged(mirror)).bytes).toEqual(moved.bytes);
  for (const { digest, bytes } of [moved.config, ...moved.layers]) {
    expect((await ask(mirror.url, `/v2/${repository}/blobs/${digest}`)).bytes).toEqual(bytes);
  }
});

test('an image whose manifest was made is served until its registry can be asked, whose answer replaces it', async () => {
  await using hub = await FakeHub.start();
  await using mirror = await TestEntrepot.start({ upstream: hub.url });
  hub.addImage(repository, '1', image);
  hub.down();
  const plain = plainImage('plain');
  await importInto(mirror.folder, tarOf(dockerSave([{ ...plain, tags: ['app:1'] }])));

  const offline = await tagged(mirror);
  expect(offline).toMatchObject({ status: 200 });
  expect(offline.headers['warning']).toMatch(/^110 /u);
  expect(JSON.parse(offline.bytes.toString())).toMatchObject({ config: { digest: plain.config.digest } });

  await hub.up();
  mirror.clock.advance(120_000);
  await eventually(60_000, 'the answer of the registry', async () =>
    (await tagged(mirror)).bytes.equals(image.bytes),
  );
});

test('an import that is killed leaves nothing visible, loses nothing, and goes on when it is repeated', async () => {
  await using hub = await FakeHub.start();
  await using mirror = await TestEntrepot.start({ upstream: hub.url });
  hub.addImage(repository, 'other', image);
  await ask(mirror.url, `/v2/${repository}/manifests/other`);
  hub.down();
  await mirror.stop();
  const tar = tarOf(layout([named(large, name)], large));
  const child = spawn(process.execPath, [entry, 'import', '-'], {
    cwd: mirror.folder,
    env: { ...process.env, ...environment(mirror.folder) },
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.stdin.on('error', () => undefined);
  child.stdin.write(tar.subarray(0, 5_000_000));
  const partial = async (): Promise<number> => {
    const names = await readdir(join(mirror.folder, 'ingest')).catch(() => []);
    const sizes = await Promise.all(
      names.map(async (file) => (await stat(join(mirror.folder, 'ingest', file))).size),
    );
    return Math.max(0, ...sizes);
  };
  await eventually(60_000, 'a part of the layer', async () => (await partial()) > 2_000_000);
  child.kill('SIGKILL');
  await once(child, 'exit');

  await mirror.start();
  expect((await tagged(mirror)).status).not.toBe(200);
  expect((await ask(mirror.url, `/v2/${repository}/manifests/other`)).bytes).toEqual(image.bytes);
  await mirror.stop();
  expect(await partial()).toBeGreaterThan(2_000_000);

  expect(await importInto(mirror.folder, tar)).toContain('imported');
  await mirror.start();
  expect((await tagged(mirror)).bytes).toEqual(large.bytes);
  for (const { digest, bytes } of large.layers) {
    expect((await ask(mirror.url, `/v2/${repository}/blobs/${digest}`)).bytes.equals(bytes)).toBe(true);
  }
});
