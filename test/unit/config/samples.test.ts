import { readdirSync } from 'node:fs';
import { mkdir, copyFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { TempFolder } from '../../support/temp-folder.ts';

const samples = fileURLToPath(new URL('../../../config/', import.meta.url));

const expectedWarnings: Readonly<Record<string, readonly string[]>> = {
  'private-images.yml': ['give http.tls'],
  'registry2-compatible.yml': ["keys of registry:2's"],
};

describe('the sample', () => {
  it.each(readdirSync(samples).filter((name) => name.endsWith('.yml')))(
    '%s can be used as it is',
    async (name) => {
      await using folder = await TempFolder.create();
      await mkdir(folder.join('config'));
      await copyFile(`${samples}${name}`, folder.join('config', name));
      for (const secret of ['docker-hub-token', 'ghcr-token', 'htpasswd']) {
        await writeFile(folder.join('config', secret), 'geheim\n');
      }

      const { config, warnings } = loadConfig({
        file: `config/${name}`,
        environment: {
          DOCKER_AUTH_CONFIG: '{}',
          ...(name === 'ci.yml' ? { REGISTRY_UPSTREAMS_DOCKER_IO_PASSWORD: 'geheim' } : undefined),
        },
        directory: folder.path,
      });

      expect(config.http.addr.port).toBe(5000);
      expect(config.plain).toBe(name === 'private-registry.yml' ? 'ghcr.io' : 'docker.io');
      expect(warnings).toEqual(
        (expectedWarnings[name] ?? []).map((part) => expect.stringContaining(part) as string),
      );
    },
  );
});
