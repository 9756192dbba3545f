import { readdirSync } from 'node:fs';
import { mkdir, copyFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { TempFolder } from '../../support/temp-folder.ts';

const samples = fileURLToPath(new URL('../../../config/', import.meta.url));

describe('the sample', () => {
  it.each(readdirSync(samples).filter((name) => name.endsWith('.yml')))(
    '%s can be used as it is',
    async (name) => {
      await using folder = await TempFolder.create();
      await mkdir(folder.join('config'));
      await copyFile(`${samples}${name}`, folder.join('config', name));
      await writeFile(folder.join('config/docker-hub-token'), 'geheim\n');

      const { config, warnings } = loadConfig({
        file: `config/${name}`,
        environment: {},
        directory: folder.path,
      });

      expect(config.http.addr.port).toBe(5000);
      expect(warnings).toHaveLength(name === 'registry2-compatible.yml' ? 1 : 0);
    },
  );
});
