import { expect, test } from 'vitest';
import { entrepot } from '../support/cli.ts';
import { writeConfigurationFile } from '../support/configuration-file.ts';
import { DockerRegistry } from '../support/docker-registry.ts';
import { makeImage } from '../support/image.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { SmallDisk } from './support/small-disk.ts';

test('a sync onto a disk that fills says so, keeps what was there, and goes on when there is room', async () => {
  const small = makeImage({ seed: 1, layers: [200_000] });
  const large = makeImage({ seed: 2, layers: [12_000_000, 9_000_000] });
  await using source = await DockerRegistry.start();
  await source.push('library/small', '1', small);
  await source.push('library/large', '1', large);
  await using disk = await SmallDisk.ext4({ mebibytes: 40 });
  await using folder = await TempFolder.create();
  const config = await writeConfigurationFile(folder, {
    storage: { filesystem: { rootdirectory: `${disk.path}/data` }, minfree: 0 },
    upstreams: { 'docker.io': { url: 'http://127.0.0.1:1' } },
  });
  const sync = async (...images: readonly string[]) => {
    const command = entrepot(['sync', source.url, ...images, '--config', config], folder.path);
    const { code } = await command.exited();
    return { code, printed: command.output };
  };
  const listed = async (): Promise<string> => {
    const command = entrepot(['ls', '--config', config], folder.path);
    await command.exited();
    return command.output;
  };
  expect((await sync('small:1')).code).toBe(0);
  await disk.fill(8_000_000);

  const full = await sync('small:1', 'large:1');

  expect(full.code).toBe(1);
  expect(full.printed).toMatch(/docker\.io\/library\/small:1 .* complete/u);
  expect(full.printed).toMatch(/docker\.io\/library\/large:1 .* failed: .*(?:no room|disk is full)/u);
  expect(await listed()).toContain('library/small:1');
  expect(await listed()).not.toContain('library/large:1');

  await disk.free();
  expect((await sync('large:1')).code).toBe(0);
  expect(await listed()).toContain('library/large:1');
});
