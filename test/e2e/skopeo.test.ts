import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { makeImage, makeIndex } from '../support/image.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { Entrepot } from './support/entrepot.ts';
import { skopeoCopy, skopeoInspect, skopeoReference } from './support/skopeo.ts';
import { upstreamKinds } from './support/upstream.ts';

describe.each(upstreamKinds)('skopeo with Entrepot in front of $name', ({ start }) => {
  test('inspects an image, also when the upstream is gone', async () => {
    const image = makeImage();
    await using upstream = await start();
    await upstream.push('team/app', 'v1', image);
    await using mirror = await Entrepot.start(upstream.url);
    const reference = skopeoReference(mirror.url, 'team/app:v1');
    const expected = { Digest: image.digest, Layers: image.layers.map(({ digest }) => digest) };

    expect(await skopeoInspect(reference)).toMatchObject(expected);
    await upstream.stop();
    expect(await skopeoInspect(reference)).toMatchObject(expected);
  });

  test('copies an image with its digest unchanged, also when the upstream is gone', async () => {
    const image = makeImage({ oci: true });
    await using upstream = await start();
    await upstream.push('team/app', 'v1', image);
    await using mirror = await Entrepot.start(upstream.url);
    const reference = skopeoReference(mirror.url, 'team/app:v1');
    await using folder = await TempFolder.create();

    await skopeoCopy(reference, `oci:${folder.join('first')}:v1`);
    expect(await digestsOfLayout(folder.join('first'))).toEqual([image.digest]);
    await upstream.stop();
    await skopeoCopy(reference, `oci:${folder.join('second')}:v1`);
    expect(await digestsOfLayout(folder.join('second'))).toEqual([image.digest]);
  });

  test('copies an index with all its images, also when the upstream is gone', async () => {
    const index = makeIndex([makeImage({ oci: true }), makeImage({ oci: true, seed: 2 })], { oci: true });
    await using upstream = await start();
    await upstream.push('team/app', 'v1', index);
    await using mirror = await Entrepot.start(upstream.url);
    const reference = skopeoReference(mirror.url, 'team/app:v1');
    await using folder = await TempFolder.create();

    await skopeoCopy(reference, `oci:${folder.join('first')}:v1`, '--all');
    expect(await digestsOfLayout(folder.join('first'))).toEqual([index.digest]);
    await upstream.stop();
    await skopeoCopy(reference, `oci:${folder.join('second')}:v1`, '--all');
    expect(await digestsOfLayout(folder.join('second'))).toEqual([index.digest]);
  });
});

/** The digests that an OCI layout's entry point lists. */
async function digestsOfLayout(folder: string): Promise<readonly string[]> {
  const entry = JSON.parse(await readFile(`${folder}/index.json`, 'utf8')) as {
    readonly manifests: readonly { readonly digest: string }[];
  };
  return entry.manifests.map(({ digest }) => digest);
}
