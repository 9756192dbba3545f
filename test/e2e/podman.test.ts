import { describe, expect, test } from 'vitest';
import { runnableImage } from '../support/image.ts';
import { Entrepot } from './support/entrepot.ts';
import { Podman } from './support/podman.ts';
import { upstreamKinds } from './support/upstream.ts';

/** No registry but the test's own has it, so that a fallback to Docker Hub finds nothing. */
const repository = 'library/hello-entrepot';

describe.each(upstreamKinds)('podman with Entrepot as its mirror of $name', ({ start }) => {
  test('pulls an image of docker.io, also when the upstream is gone', async () => {
    const hello = await runnableImage();
    await using upstream = await start();
    await upstream.push(repository, 'latest', hello);
    await using mirror = await Entrepot.start(upstream.url);
    await using podman = await Podman.create({ 'docker.io': mirror.host });
    const image = `docker.io/${repository}:latest`;

    await podman.pull(image);
    expect(await podman.digest(image)).toBe(hello.digest);

    await podman.forget(image);
    await upstream.stop();
    await podman.pull(image);
    expect(await podman.digest(image)).toBe(hello.digest);
  });

  test('pulls an image by the name of the mirror itself, also when the upstream is gone', async () => {
    const hello = await runnableImage(undefined, { oci: true });
    await using upstream = await start();
    await upstream.push(repository, 'latest', hello);
    await using mirror = await Entrepot.start(upstream.url);
    await using podman = await Podman.create({ 'docker.io': mirror.host });
    const image = `${mirror.host}/${repository}:latest`;

    await podman.pull(image);
    expect(await podman.digest(image)).toBe(hello.digest);

    await podman.forget(image);
    await upstream.stop();
    await podman.pull(image);
    expect(await podman.digest(image)).toBe(hello.digest);
  });
});
