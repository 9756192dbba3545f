import { describe, expect, test } from 'vitest';
import { makeImage, makeIndex, runnableImage } from '../support/image.ts';
import { Containerd } from './support/containerd.ts';
import { Entrepot } from './support/entrepot.ts';
import { upstreamKinds } from './support/upstream.ts';

/** No registry but the test's own has it, so that a fallback to Docker Hub finds nothing. */
const repository = 'library/hello-entrepot';
const image = `docker.io/${repository}:latest`;

describe.each(upstreamKinds)('containerd with Entrepot as its mirror of $name', ({ start }) => {
  test('pulls and runs an image of docker.io, also when the upstream is gone', async () => {
    const hello = await runnableImage();
    await using upstream = await start();
    await upstream.push(repository, 'latest', hello);
    await using mirror = await Entrepot.start(upstream.url);
    await using containerd = await Containerd.start({ 'docker.io': mirror.url });

    await containerd.pull(image);
    expect(await containerd.digest(image)).toBe(hello.digest);
    expect(await containerd.run(image)).toBe('Hello from Docker!\n');

    await containerd.forget(image);
    await upstream.stop();
    await containerd.pull(image);
    expect(await containerd.digest(image)).toBe(hello.digest);
    expect(await containerd.run(image)).toBe('Hello from Docker!\n');
  });

  test('pulls all platforms of an index, also when the upstream is gone', async () => {
    const oci = true;
    const index = makeIndex([await runnableImage(undefined, { oci }), makeImage({ oci })], { oci });
    await using upstream = await start();
    await upstream.push(repository, 'latest', index);
    await using mirror = await Entrepot.start(upstream.url);
    await using containerd = await Containerd.start({ 'docker.io': mirror.url });
    const digests = [index, ...index.images].map(({ digest }) => digest);

    await containerd.fetchAllPlatforms(image);
    expect(await containerd.contentDigests()).toEqual(expect.arrayContaining(digests));

    await containerd.forget(image);
    await upstream.stop();
    await containerd.fetchAllPlatforms(image);
    expect(await containerd.contentDigests()).toEqual(expect.arrayContaining(digests));
  });
});
