import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eventually } from '../support/deadline.ts';
import { DockerRegistry } from '../support/docker-registry.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { makeImage, makeIndex } from '../support/image.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { command } from './support/command.ts';
import { Entrepot, entrepotMain } from './support/entrepot.ts';
import { skopeoCopy, skopeoInspect, skopeoReference } from './support/skopeo.ts';

test('what a registry:2 has mirrored is pulled from Entrepot, when both it and its upstream are gone', async () => {
  const image = makeImage({ layers: 3 });
  const index = makeIndex([makeImage({ oci: true, seed: 2 }), makeImage({ oci: true, seed: 3 })], {
    oci: true,
  });
  await using upstream = await DockerRegistry.start();
  await upstream.push('library/app', '1', image);
  await upstream.push('team/nested/app', 'latest', index);
  await using proxy = await DockerRegistry.start({ remoteUrl: upstream.url });
  await using folder = await TempFolder.create();
  await skopeoCopy(skopeoReference(proxy.url, 'library/app:1'), `dir:${folder.join('filling-1')}`);
  await skopeoCopy(
    skopeoReference(proxy.url, 'team/nested/app:latest'),
    `dir:${folder.join('filling-2')}`,
    '--all',
  );
  // It answers before it has stored.
  const layers = [image, ...index.images].flatMap(({ config, layers: own }) => [config, ...own]);
  await eventually(60_000, 'the end of what the proxy stores', async () => {
    const links = (await filesIn(proxy)).filter((path) => path.includes('/_layers/'));
    return links.length === layers.length;
  });
  const before = await digestsOf(proxy);

  await using mirror = await Entrepot.start(upstream.url);
  await mirror.stop();
  const took = await importFrom(proxy, mirror);
  expect(took).toMatch(/^took over 2 repositories, 2 tags, .* 0 were cached before; 0 skipped\n$/u);
  await mirror.restart();
  expect(await importFrom(proxy, mirror)).toMatch(
    /^took over 2 repositories, no tags, no blobs .* 10 were cached before; 0 skipped\n$/u,
  );
  expect(await digestsOf(proxy)).toEqual(before);

  await proxy.stop();
  await upstream.stop();
  const app = skopeoReference(mirror.url, 'library/app:1');
  expect((await skopeoInspect(app)).Digest).toBe(image.digest);
  await skopeoCopy(app, `dir:${folder.join('app')}`);
  const nested = skopeoReference(mirror.url, 'team/nested/app:latest');
  await skopeoCopy(nested, `oci:${folder.join('nested')}:latest`, '--all');
  const layout = JSON.parse(await readFile(folder.join('nested/index.json'), 'utf8')) as unknown;
  expect(layout).toMatchObject({ manifests: [{ digest: index.digest }] });
});

/** Resolves to what was printed. */
async function importFrom(registry: DockerRegistry, mirror: Entrepot): Promise<string> {
  const source = `registry:${join(registry.folder, 'data')}`;
  return command(process.execPath, [entrepotMain, 'import', source, '--config', mirror.configuration]);
}

async function filesIn(registry: DockerRegistry): Promise<readonly string[]> {
  const store = join(registry.folder, 'data', 'docker');
  const entries = await readdir(store, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
}

/** Every file of a registry's, with the digest of its bytes. */
async function digestsOf(registry: DockerRegistry): Promise<ReadonlyMap<string, string>> {
  const paths = (await filesIn(registry)).toSorted();
  const digests = paths.map(async (path) => [path, digestOf(await readFile(path))] as const);
  return new Map(await Promise.all(digests));
}
