import { readdir } from 'node:fs/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { digestOf } from '../../../../src/oci/digest.ts';
import { platformText, thisPlatform } from '../../../../src/oci/platform.ts';
import { makeAttestedIndex } from '../../../support/attested-index.ts';
import { blobsOf, ExportFixture } from '../../../support/export-fixture.ts';
import { content, makeImage, type Content, type Image } from '../../../support/image.ts';
import { jsonIn, tarEntries, type TarEntry } from '../../../support/tar-entries.ts';

const image = makeImage({ oci: true });
const other = makeImage({ seed: 2, layers: [3000] });
const attested = makeAttestedIndex(3);
const [amd64, arm64] = attested.platforms as [Image, Image, Image];
const attestation = attested.attestations[0] as Image;
const hello = 'docker.io_library_hello_latest.tar';

async function cache(): Promise<ExportFixture> {
  const fixture = await ExportFixture.open();
  onTestFinished(() => fixture[Symbol.asyncDispose]());
  return fixture;
}

function path({ digest }: Pick<Content, 'digest'>): string {
  return `blobs/${digest.replace(':', '/')}`;
}

const names = (entries: readonly TarEntry[]): readonly string[] => entries.map(({ name }) => name);

/** Index, Docker's manifest and Entrepot's note. */
function documents(entries: readonly TarEntry[]): Record<'index' | 'docker' | 'entrepot', unknown> {
  const json = (name: string): unknown => (names(entries).includes(name) ? jsonIn(entries, name) : undefined);
  return { index: json('index.json'), docker: json('manifest.json'), entrepot: json('entrepot.json') };
}

describe('a folder', () => {
  it('gets an OCI layout that is also one of docker save, with the bytes of the registry', async () => {
    const fixture = await cache();
    await fixture.cache.hold(image);

    const { code, out, err } = await fixture.export(['hello']);

    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(new RegExp(`^docker.io/library/hello:latest {2}${hello} +18 KiB  written$`, 'm'));
    const entries = tarEntries(await fixture.read('out', hello));
    expect(names(entries)).toEqual([
      'oci-layout',
      'index.json',
      'manifest.json',
      'entrepot.json',
      ...[image, ...blobsOf(image)].map(path),
    ]);
    expect(new Set(entries.map(({ type }) => type))).toEqual(new Set(['File']));
    for (const { name, bytes } of entries.filter((one) => one.name.startsWith('blobs/'))) {
      expect(path({ digest: digestOf(bytes) })).toBe(name);
    }
    const { mediaType, digest, size } = image;
    expect(documents(entries)).toMatchObject({
      index: {
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.index.v1+json',
        manifests: [
          {
            mediaType,
            digest,
            size,
            annotations: {
              'io.containerd.image.name': 'docker.io/library/hello:latest',
              'org.opencontainers.image.ref.name': 'latest',
            },
          },
        ],
      },
      docker: [
        {
          Config: path(image.config),
          RepoTags: ['docker.io/library/hello:latest'],
          Layers: image.layers.map(path),
        },
      ],
      entrepot: {
        version: 1,
        images: [
          {
            name: 'docker.io/library/hello:latest',
            upstream: 'docker.io',
            repository: 'library/hello',
            tag: 'latest',
            root: { mediaType, digest, size },
            subject: null,
            platforms: null,
            pinned: false,
          },
        ],
        blobs: [image, ...blobsOf(image)].map((blob) => ({ digest: blob.digest, size: blob.size })),
        omitted: [],
      },
    });
  });

  it('gets the image of one platform, and the index and its attestations unseen', async () => {
    const fixture = await cache();
    await fixture.holdIndex(attested, 'library/hello', 'latest', [amd64, attestation]);

    const { code, err } = await fixture.export(['hello'], {
      platform: [{ os: 'linux', architecture: 'amd64' }],
    });

    expect([code, err]).toEqual([0, '']);
    const entries = tarEntries(await fixture.read('out', 'docker.io_library_hello_latest@linux-amd64.tar'));
    expect(names(entries).slice(4)).toEqual(
      [attested, amd64, attestation, ...blobsOf(amd64, attestation)].map(path),
    );
    expect(documents(entries)).toMatchObject({
      index: { manifests: [{ digest: amd64.digest }] },
      docker: [{ Config: path(amd64.config) }],
      entrepot: {
        images: [
          {
            root: { digest: attested.digest },
            platforms: ['linux/amd64'],
            manifests: [attested, amd64, attestation].map(({ digest }) => ({ digest })),
          },
        ],
      },
    });
  });

  it('gets the index if all of it is wanted, with all that it lists', async () => {
    const fixture = await cache();
    await fixture.holdIndex(attested, 'library/hello', 'latest');

    const { code, err } = await fixture.export(['hello'], { platform: 'all' });

    expect([code, err]).toEqual([
      0,
      'note: docker.io/library/hello:latest is for several platforms: umoci needs one of --platform\n',
    ]);
    const entries = tarEntries(await fixture.read('out', hello));
    expect(new Set(names(entries).slice(4))).toEqual(
      new Set([attested, ...attested.images, ...blobsOf(...attested.images)].map(path)),
    );
    expect(documents(entries)).toMatchObject({
      index: { manifests: [{ digest: attested.digest }] },
      docker: [{ Config: path(amd64.config) }],
      entrepot: { images: [{ platforms: null }] },
    });
  });

  it('gets a file for each of some platforms', async () => {
    const fixture = await cache();
    await fixture.holdIndex(attested, 'library/hello', 'latest', attested.images);
    await fixture.export(['hello'], {
      platform: [
        { os: 'linux', architecture: 'amd64' },
        { os: 'linux', architecture: 'arm64' },
        { os: 'windows', architecture: 'amd64' },
      ],
    });
    expect((await readdir(fixture.path('out'))).toSorted()).toEqual([
      'docker.io_library_hello_latest@linux-amd64.tar',
      'docker.io_library_hello_latest@linux-arm64.tar',
    ]);
    const entries = tarEntries(await fixture.read('out', 'docker.io_library_hello_latest@linux-arm64.tar'));
    expect(documents(entries)).toMatchObject({ index: { manifests: [{ digest: arm64.digest }] } });
  });

  it('gets signatures in a file that no tool takes for an image', async () => {
    const fixture = await cache();
    const signature = makeImage({ layers: [9], seed: 9, oci: true });
    const tag = `${image.digest.replace(':', '-')}.sig`;
    await fixture.cache.hold(image);
    await fixture.cache.hold(signature, 'library/hello', tag);

    expect((await fixture.export(['hello'])).code).toBe(0);

    const entries = tarEntries(await fixture.read('out', 'docker.io_library_hello_latest@referrers.tar'));
    expect(names(entries)).not.toContain('manifest.json');
    expect(documents(entries)).toMatchObject({
      index: { manifests: [{ digest: signature.digest }] },
      entrepot: { images: [{ tag, subject: image.digest }] },
    });
    await fixture.export(['hello'], { output: fixture.path('alone/'), referrers: false });
    expect(await readdir(fixture.path('alone'))).toEqual([hello]);
  });

  it('is the same folder when it is written again from another cache', async () => {
    const [first, second] = [await cache(), await cache()];
    for (const fixture of [first, second]) {
      await fixture.cache.clock.advance(fixture === first ? 1000 : 1_000_000);
      await fixture.cache.hold(image);
      await fixture.export(['hello']);
    }
    expect((await first.read('out', hello)).equals(await second.read('out', hello))).toBe(true);
  });

  it('gets all images but those that are not whole, which are named with what they lack', async () => {
    const fixture = await cache();
    await fixture.cache.hold(image);
    await fixture.holdIndex(attested, 'library/multi', '1', [amd64]);
    await fixture.cache.hold(other, 'library/short', '1');
    const [layer] = other.layers;
    await fixture.cache.cutShort(layer?.digest ?? other.digest);

    const { code, out, err } = await fixture.export(['hello', 'multi:1', 'short:1', 'absent:1'], {
      platform: 'all',
    });

    expect(code).toBe(1);
    expect(await readdir(fixture.path('out'))).toEqual([hello]);
    expect(out).toMatch(/absent:1 +- +- {2}failed\n/);
    expect(err).toContain('entrepot: docker.io/library/absent:1 is not exported:\n  it is not cached\n');
    expect(err).toContain(
      `entrepot: docker.io/library/multi:1 is not exported:\n  linux/arm64: manifest ${arm64.digest} is missing\n`,
    );
    expect(err).toContain(`  attestation ${attestation.digest} is missing\n`);
    expect(err).toContain(`  layer ${layer?.digest ?? ''} has the wrong size\n`);
  });

  it('gets no file with a damaged blob, which is named, and goes on with the next image', async () => {
    const fixture = await cache();
    await fixture.cache.hold(image);
    await fixture.cache.hold(other, 'library/other', '1');
    await fixture.cache.damage(image.config.digest);

    const { code, err } = await fixture.export(['hello', 'other:1']);

    expect(code).toBe(1);
    expect(err).toMatch(new RegExp(`the bytes of ${image.config.digest} in the cache are damaged`));
    expect((await readdir(fixture.path('out'))).toSorted()).toEqual([
      `${hello}.partial`,
      'docker.io_library_other_1.tar',
    ]);
  });

  it('says which images have nothing for a platform', async () => {
    const fixture = await cache();
    await fixture.holdIndex(attested, 'library/hello', 'latest');
    const { code, err } = await fixture.export(['hello'], {
      platform: [{ os: 'linux', architecture: 'mips64le' }],
    });
    expect(code).toBe(1);
    expect(err).toContain(
      'docker.io/library/hello:latest is not exported:\n  it has no image for linux/mips64le',
    );
  });

  it('is not written without a cache, or for what is no image', async () => {
    const fixture = await cache();
    expect(await fixture.export(['Hello'])).toMatchObject({ code: 2 });
    expect(await fixture.export([])).toMatchObject({ code: 2 });
    await expect(readdir(fixture.path('out'))).rejects.toThrow('ENOENT');
  });
});

describe('one file', () => {
  it('holds all images, each under its full name', async () => {
    const fixture = await cache();
    await fixture.cache.hold(image);
    await fixture.cache.hold(other, 'library/other', '1');
    await fixture.cache.hold(other, 'library/other', '2');

    const { code } = await fixture.export(['hello', 'other:1', 'other:2'], {
      output: fixture.path('all.tar'),
    });

    expect(code).toBe(0);
    const entries = tarEntries(await fixture.read('all.tar'));
    expect(names(entries).filter((name) => name === path(other))).toHaveLength(1);
    const full = ['hello:latest', 'other:1', 'other:2'].map((name) => `docker.io/library/${name}`);
    expect(documents(entries)).toMatchObject({
      index: {
        manifests: full.map((name) => ({
          annotations: {
            'io.containerd.image.name': name,
            'org.opencontainers.image.ref.name': name,
          },
        })),
      },
      docker: full.map((name) => ({ RepoTags: [name] })),
    });
  });

  it('is not written as long as one of the images is missing', async () => {
    const fixture = await cache();
    await fixture.cache.hold(image);
    const output = fixture.path('all.tar');
    const { code, err } = await fixture.export(['hello', 'absent'], { output });
    expect(code).toBe(1);
    expect(err).toContain('docker.io/library/absent:latest is not exported:\n  it is not cached\n');
    expect(err).toContain('docker.io/library/hello:latest is not exported:\n  the file is not written');
    await expect(fixture.read('all.tar')).rejects.toThrow('ENOENT');
  });

  it('shows other tools no chart beside images, and Entrepot all', async () => {
    const fixture = await cache();
    const manifest = JSON.parse(other.bytes.toString()) as { config: { mediaType: string } };
    manifest.config.mediaType = 'application/vnd.cncf.helm.config.v1+json';
    const bytes = Buffer.from(JSON.stringify(manifest));
    const chart = { ...other, ...content(bytes, 'application/vnd.oci.image.manifest.v1+json') };
    await fixture.cache.hold(image);
    await fixture.cache.hold(chart, 'library/chart', '1');

    await fixture.export(['hello', 'chart:1'], { output: fixture.path('all.tar') });
    const both = tarEntries(await fixture.read('all.tar'));
    expect(documents(both)).toMatchObject({
      index: { manifests: [{ digest: image.digest }] },
      docker: { length: 1 },
      entrepot: { images: { length: 2 } },
    });

    await fixture.export(['chart:1'], { output: fixture.path('chart.tar') });
    const alone = documents(tarEntries(await fixture.read('chart.tar')));
    expect(alone).toMatchObject({ index: { manifests: [{ digest: chart.digest }] } });
    expect(alone.docker).toBeUndefined();
  });

  it('goes to the standard output with nothing else, but never to a terminal', async () => {
    const fixture = await cache();
    await fixture.cache.hold(image);
    const { code, out, err, bytes } = await fixture.export(['hello'], { output: '-' });
    expect([code, out]).toEqual([0, '']);
    expect(err).toContain('exported 1 image');
    expect(names(tarEntries(bytes))).toContain(path(image));
  });

  it('has an image by digest without a tag for Docker', async () => {
    const fixture = await cache();
    await fixture.cache.hold(image);
    const name = `docker.io/library/hello@${image.digest}`;
    await fixture.export([name], { output: fixture.path('a.tar') });
    const { index, docker } = documents(tarEntries(await fixture.read('a.tar')));
    expect(docker).toMatchObject([{ RepoTags: null }]);
    expect(index).toMatchObject({ manifests: [{ annotations: { 'io.containerd.image.name': name } }] });
  });
});

it('is meant for the platform of this machine if none is given', async () => {
  const fixture = await cache();
  await fixture.holdIndex(attested, 'library/hello', 'latest');
  await fixture.export(['hello']);
  const suffix = platformText(thisPlatform()).replaceAll('/', '-');
  expect(await readdir(fixture.path('out'))).toEqual([`docker.io_library_hello_latest@${suffix}.tar`]);
});
