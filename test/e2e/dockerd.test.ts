import { writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { makeImage, makeIndex, runnableImage } from '../support/image.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { DockerDaemon } from './support/dockerd.ts';
import { Entrepot } from './support/entrepot.ts';
import { upstreamKinds } from './support/upstream.ts';

/** No registry but the test's own has it, so that a daemon which falls back to Docker Hub finds nothing. */
const repository = 'library/hello-entrepot';
const image = 'hello-entrepot:latest';
const greeting = 'Hello from Docker!\n';

describe.each(upstreamKinds)('dockerd with Entrepot as its mirror of $name', ({ start }) => {
  test('pulls and runs an image that only the upstream has, also when the upstream is gone', async () => {
    const hello = await runnableImage();
    await using upstream = await start();
    await upstream.push(repository, 'latest', hello);
    await using mirror = await Entrepot.start(upstream.url);
    await using daemon = await DockerDaemon.start(mirror.url);

    expect(await daemon.docker('pull', image)).toContain(`Digest: ${hello.digest}`);
    expect(await daemon.run(image)).toBe(greeting);

    await daemon.forget(image);
    await upstream.stop();
    expect(await daemon.docker('pull', image)).toContain(`Digest: ${hello.digest}`);
    expect(await daemon.run(image)).toBe(greeting);

    await daemon.forget(image);
    await mirror.restart();
    expect(await daemon.docker('pull', image)).toContain(`Digest: ${hello.digest}`);
    expect(await daemon.run(image)).toBe(greeting);
  });

  test('builds on an image that only the upstream has, also when the upstream is gone', async () => {
    const hello = await runnableImage();
    await using upstream = await start();
    await upstream.push(repository, 'latest', hello);
    await using mirror = await Entrepot.start(upstream.url);
    await using daemon = await DockerDaemon.start(mirror.url);
    await using folder = await TempFolder.create();
    await writeFile(folder.join('greeting'), 'Hello from a build!\n');
    await writeFile(
      folder.join('Dockerfile'),
      `FROM ${image}\nCOPY greeting /\nCMD ["/bin/busybox", "cat", "/greeting"]\n`,
    );

    await daemon.build('built', folder.path);
    expect(await daemon.run('built')).toBe('Hello from a build!\n');
    // BuildKit says which registry it means; the classic builder, which pulls as dockerd does, would not.
    await mirror.logged(/"registry":"docker\.io"/u);

    await daemon.docker('builder', 'prune', '--all', '--force');
    await daemon.forget('built');
    await upstream.stop();
    await mirror.restart();
    await daemon.build('built', folder.path);
    expect(await daemon.run('built')).toBe('Hello from a build!\n');
  });

  test('pulls by digest', async () => {
    const hello = await runnableImage();
    await using upstream = await start();
    await upstream.push(repository, 'latest', hello);
    await using mirror = await Entrepot.start(upstream.url);
    await using daemon = await DockerDaemon.start(mirror.url);

    const byDigest = `hello-entrepot@${hello.digest}`;
    expect(await daemon.docker('pull', byDigest)).toContain(`Digest: ${hello.digest}`);
    expect(await daemon.run(byDigest)).toBe(greeting);
  });

  test.each([
    { kind: 'a Docker manifest list', oci: false },
    { kind: 'an OCI index', oci: true },
  ])('pulls and runs its own platform out of $kind', async ({ oci }) => {
    const index = makeIndex([await runnableImage(undefined, { oci }), makeImage({ oci })], { oci });
    await using upstream = await start();
    await upstream.push(repository, 'latest', index);
    await using mirror = await Entrepot.start(upstream.url);
    await using daemon = await DockerDaemon.start(mirror.url);

    expect(await daemon.docker('pull', image)).toContain(`Digest: ${index.digest}`);
    expect(await daemon.run(image)).toBe(greeting);
  });

  test('is told why it may not push, and the log of the mirror says what to do instead', async () => {
    const hello = await runnableImage();
    await using upstream = await start();
    await upstream.push(repository, 'latest', hello);
    await using mirror = await Entrepot.start(upstream.url);
    await using daemon = await DockerDaemon.start(mirror.url);
    await daemon.docker('pull', image);
    const pushed = `${mirror.host}/my-own-image`;
    await daemon.docker('tag', image, pushed);

    const started = performance.now();
    await expect(daemon.docker('push', pushed)).rejects.toThrow(
      'unsupported: this is a pull-through mirror, which takes no pushes: push to the registry itself',
    );
    // Told what it takes for a passing failure, dockerd would try again for 50 seconds.
    expect(performance.now() - started).toBeLessThan(20_000);
    await mirror.logged(/push to the registry itself, then pull through the mirror/u);
  });
});
