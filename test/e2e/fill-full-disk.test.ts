import { expect, test } from 'vitest';
import { entrepot } from '../support/cli.ts';
import { writeConfigurationFile } from '../support/configuration-file.ts';
import { DockerRegistry } from '../support/docker-registry.ts';
import { makeImage } from '../support/image.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { SmallDisk } from './support/small-disk.ts';

const small = makeImage({ seed: 1, layers: [200_000] });
const large = makeImage({ seed: 2, layers: [12_000_000, 9_000_000] });

interface Source {
  readonly url: string;
  /** A folder with an exported file for each image. */
  readonly exported: string;
}

/** The commands that bring images into the cache, with what they say of those two. */
const commands = {
  sync: (images: readonly string[], { url }: Source) => ['sync', url, ...images],
  warm: (images: readonly string[]) => ['warm', '--platform', 'all', ...images],
  import: (images: readonly string[], { exported }: Source) => [
    'import',
    ...images.map((image) => `${exported}docker.io_library_${image.replace(':', '_')}.tar`),
  ],
};

/** Has both images, in a registry and as files that another Entrepot exported. */
async function exportTo(folder: TempFolder, url: string): Promise<string> {
  const config = await writeConfigurationFile(folder, { upstreams: { 'docker.io': { url } } });
  const exported = folder.join('exported/');
  for (const args of [
    ['warm', '--platform', 'all', 'small:1', 'large:1'],
    ['export', '-o', exported, '--platform', 'all', 'small:1', 'large:1'],
  ]) {
    const command = entrepot([...args, '--config', config], folder.path);
    expect(await command.exited(), command.output).toMatchObject({ code: 0 });
  }
  return exported;
}

test.each(['sync', 'warm', 'import'] as const)(
  'a disk that fills during %s is named, what was there is kept, and the command goes on when there is room',
  async (name) => {
    await using source = await DockerRegistry.start();
    await source.push('library/small', '1', small);
    await source.push('library/large', '1', large);
    await using other = await TempFolder.create();
    const exported = await exportTo(other, source.url);
    await using disk = await SmallDisk.ext4({ mebibytes: 40 });
    await using folder = await TempFolder.create();
    const config = await writeConfigurationFile(folder, {
      storage: { filesystem: { rootdirectory: `${disk.path}/data` }, minfree: 0 },
      upstreams: { 'docker.io': { url: name === 'warm' ? source.url : 'http://127.0.0.1:1' } },
    });
    const run = async (args: readonly string[]) => {
      const command = entrepot([...args, '--config', config], folder.path);
      const { code } = await command.exited();
      return { code, printed: command.output };
    };
    const fill = (...images: readonly string[]) => run(commands[name](images, { url: source.url, exported }));
    const isSealed = async (image: string): Promise<boolean> =>
      (await run(['verify', '--sealed', '--platform', 'all', image])).code === 0;
    expect(await fill('small:1')).toMatchObject({ code: 0 });
    await disk.fill(8_000_000);

    const full = await fill('small:1', 'large:1');

    expect(full).toMatchObject({ code: 1 });
    expect(full.printed).toMatch(/large[:_]1.*(?:no room|disk is full)/u);
    expect(await isSealed('small:1')).toBe(true);
    expect(await isSealed('large:1')).toBe(false);

    await disk.free();
    expect(await fill('large:1')).toMatchObject({ code: 0 });
    expect(await isSealed('large:1')).toBe(true);
  },
);
