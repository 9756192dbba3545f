import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { digestOf } from '../../src/oci/digest.ts';
import { DockerRegistry } from '../support/docker-registry.ts';
import { assembleImage, descriptor, noise, type Content, type Image } from '../support/image.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { command } from './support/command.ts';
import { Entrepot } from './support/entrepot.ts';
import { Meter } from './support/meter.ts';
import { PartialPulls } from './support/partial-pulls.ts';
import { skopeoReference } from './support/skopeo.ts';

const execute = promisify(execFile);

interface Files {
  readonly count: number;
  readonly bytes: number;
  /** Whether a file is another one in the second version. */
  readonly changes: (index: number) => boolean;
}

/** One layer with these files. */
async function imageOf({ count, bytes, changes }: Files, version: 1 | 2): Promise<Image> {
  await using folder = await TempFolder.create();
  await mkdir(folder.join('files'));
  for (let index = 0; index < count; index += 1) {
    const seed = `${index} ${version === 2 && changes(index)}`;
    await writeFile(folder.join('files', `f${index}`), noise(bytes, seed));
  }
  const tar = folder.join('layer.tar');
  await execute('tar', [
    '--create',
    '--sort=name',
    '--mtime=@0',
    '--file',
    tar,
    '--directory',
    folder.path,
    'files',
  ]);
  const layer = await readFile(tar);
  const config = {
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
  };
  return assembleImage([gzipSync(layer, { level: 1 })], config, true);
}

async function writeLayout(folder: string, image: Image): Promise<void> {
  const write = ({ digest, bytes }: Content): Promise<void> =>
    writeFile(`${folder}/blobs/${digest.replace(':', '/')}`, bytes);
  await mkdir(`${folder}/blobs/sha256`, { recursive: true });
  for (const content of [image, image.config, ...image.layers]) await write(content);
  await writeFile(`${folder}/oci-layout`, '{"imageLayoutVersion":"1.0.0"}');
  await writeFile(
    `${folder}/index.json`,
    JSON.stringify({ schemaVersion: 2, manifests: [descriptor(image)] }),
  );
}

/** Pushes an image, its layer compressed anew, file by file. */
async function pushChunked(registry: DockerRegistry, name: string, image: Image): Promise<void> {
  await using folder = await TempFolder.create();
  await writeLayout(folder.path, image);
  await command('skopeo', [
    'copy',
    '--insecure-policy',
    '--dest-tls-verify=false',
    '--dest-compress-format=zstd:chunked',
    `oci:${folder.path}`,
    skopeoReference(registry.url, name),
  ]);
}

test.each([
  [
    'of whose files one in ten has changed',
    { count: 400, bytes: 40_000, changes: (file) => file % 10 === 0 },
  ],
  // More than a thousand ranges, which make a header of more than 16 KiB.
  [
    'of whose thousands of files every other has changed',
    { count: 2600, bytes: 6000, changes: (file) => file % 2 === 0 },
  ],
] as const satisfies readonly [string, Files][])(
  'an image in zstd:chunked, %s, is updated with at most 1.2 times the bytes of an update without a mirror',
  async (_what, files) => {
    await using registry = await DockerRegistry.start();
    for (const version of [1, 2] as const) {
      await pushChunked(registry, `team/app:v${version}`, await imageOf(files, version));
    }
    await using entrepot = await Entrepot.start(registry.url);
    await using direct = await Meter.before(registry.url);
    await using mirrored = await Meter.before(entrepot.url);
    const update = async (meter: Meter): Promise<number> => {
      await using machine = await PartialPulls.create();
      await machine.pull(meter.url, 'team/app:v1');
      meter.read();
      await machine.pull(meter.url, 'team/app:v2');
      return meter.read();
    };

    const bytes = { direct: await update(direct), cold: await update(mirrored), hot: await update(mirrored) };

    // Else it was no update, and the comparison says nothing.
    expect(bytes.direct).toBeLessThan(0.65 * files.count * files.bytes);
    expect(bytes.cold).toBeLessThan(1.2 * bytes.direct);
    expect(bytes.hot).toBeLessThan(1.2 * bytes.direct);
  },
);
