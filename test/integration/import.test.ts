import { expect, test } from 'vitest';
import { ask } from '../support/ask.ts';
import { entrepot as program } from '../support/cli.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { makeImage, makeIndex } from '../support/image.ts';
import { RegistryStore } from '../support/registry-store.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { TestEntrepot } from '../support/test-entrepot.ts';

const image = makeImage();
const index = makeIndex([image, makeImage({ seed: 2 })]);
const repository = 'library/app';

/** Runs `entrepot import` on a data folder; resolves to what it printed. */
async function importInto(data: string, registry: RegistryStore): Promise<string> {
  const variables = { REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: data };
  await using child = program(['import', `registry:${registry.root}`], data, variables);
  expect(await child.exited()).toEqual({ code: 0, signal: null });
  return child.stdout;
}

test('what a running server is told to import is served at once, and upstream confirms it without a pull', async () => {
  await using hub = await FakeHub.start();
  await using mirror = await TestEntrepot.start({ upstream: hub.url });
  await using folder = await TempFolder.create();
  const registry = new RegistryStore(folder.path);
  await registry.put(repository, '1', index);
  hub.addImage(repository, '1', index);

  const printed = await importInto(mirror.folder, registry);

  expect(printed).toMatch(
    /^took over 1 repository, 1 tag, 6 blobs of .* 0 were cached before; 0 skipped\n$/u,
  );
  expect(hub.requests).toEqual([]);
  const answer = await ask(mirror.url, `/v2/${repository}/manifests/1`);
  expect(answer.bytes).toEqual(index.bytes);
  for (const { config, layers } of index.images) {
    for (const { digest, bytes } of [config, ...layers]) {
      expect((await ask(mirror.url, `/v2/${repository}/blobs/${digest}`)).bytes).toEqual(bytes);
    }
  }
  await hub.received({ method: 'HEAD', path: /\/manifests\/1$/u });
  expect(hub.pulls).toBe(0);
  expect(hub.count({ server: 'cdn' })).toBe(0);
});

test('an imported tag that has moved upstream is followed at its first use', async () => {
  const moved = makeImage({ seed: 3 });
  await using hub = await FakeHub.start();
  await using mirror = await TestEntrepot.start({ upstream: hub.url });
  await using folder = await TempFolder.create();
  const registry = new RegistryStore(folder.path);
  await registry.put(repository, '1', image);
  hub.addImage(repository, '1', moved);

  await importInto(mirror.folder, registry);

  expect((await ask(mirror.url, `/v2/${repository}/manifests/1`)).bytes).toEqual(moved.bytes);
});

test('an imported tag is served while upstream cannot be asked, also after a restart', async () => {
  await using hub = await FakeHub.start();
  await using mirror = await TestEntrepot.start({ upstream: hub.url });
  await using folder = await TempFolder.create();
  const registry = new RegistryStore(folder.path);
  await registry.put(repository, '1', image);
  hub.down();
  await mirror.stop();
  await importInto(mirror.folder, registry);
  await mirror.start();

  const answer = await ask(mirror.url, `/v2/${repository}/manifests/1`);

  expect(answer).toMatchObject({ status: 200, bytes: image.bytes });
  expect(answer.headers['warning']).toMatch(/^110 /u);
  for (const { digest, bytes } of image.layers) {
    expect((await ask(mirror.url, `/v2/${repository}/blobs/${digest}`)).bytes).toEqual(bytes);
  }
});
