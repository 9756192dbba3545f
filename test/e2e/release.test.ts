import { readFile, symlink, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Child } from '../support/child.ts';
import { eventually } from '../support/deadline.ts';
import { freePort } from '../support/free-port.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { command, CommandError } from './support/command.ts';
import { answersRegistryApi } from './support/entrepot.ts';
import { showWhenFailed } from './support/logs.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));

describe('npm run release', () => {
  const resources = new AsyncDisposableStack();
  let folder: TempFolder;
  let clone: string;

  const git = async (...args: readonly string[]): Promise<string> =>
    command('git', ['-c', 'user.name=Test', '-c', 'user.email=test@example.com', ...args], { cwd: clone });
  const release = async (): Promise<string> =>
    command('npm', ['run', '--silent', 'release'], { cwd: clone, ms: 240_000 });

  beforeAll(async () => {
    folder = resources.use(await TempFolder.create());
    clone = folder.join('clone');
    await command('git', ['clone', '--quiet', repository, clone]);
    await symlink(`${repository}/node_modules`, `${clone}/node_modules`);
    // In a clone a link is not the folder that .gitignore names.
    await writeFile(`${clone}/.git/info/exclude`, 'node_modules\n');
  });

  afterAll(async () => resources.disposeAsync());

  test('refuses what is no release, and says all that is wrong', async () => {
    await writeFile(
      `${clone}/CHANGELOG.md`,
      '# Changelog\n\n## [Unreleased]\n\n- More.\n\n## [0.0.1] - 2026-01-01\n',
    );

    const refusal = await release().catch((error: unknown) => error);

    expect(refusal).toBeInstanceOf(CommandError);
    expect(String(refusal)).toContain('- there are uncommitted changes\n');
    expect(String(refusal)).toContain('- CHANGELOG.md has changes under [Unreleased]');
    expect(String(refusal)).toContain('- CHANGELOG.md has no dated section for ');
  });

  test('makes an archive that runs as it is, with checksums and a bill of materials', async () => {
    const { version } = JSON.parse(await readFile(`${clone}/package.json`, 'utf8')) as { version: string };
    await writeFile(
      `${clone}/CHANGELOG.md`,
      `# Changelog\n\n## [Unreleased]\n\n## [${version}] - 2026-01-02\n`,
    );
    await git('commit', '--quiet', '--all', '--message', 'chore: release');

    expect(await release()).toContain(`git tag -s v${version}`);

    const made = `${clone}/release`;
    await command('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: made });
    const bom = JSON.parse(await readFile(`${made}/entrepot-${version}.cdx.json`, 'utf8')) as {
      metadata: { component: { name: string; version: string } };
      components: readonly { name: string }[];
    };
    expect(bom.metadata.component).toMatchObject({ name: 'entrepot', version });
    const components = bom.components.map(({ name }) => name);
    expect(components).toEqual(expect.arrayContaining(['hono', 'undici', 'better-sqlite3']));
    expect(components).not.toContain('vitest');

    await command('tar', ['-xzf', `${made}/entrepot-${version}.tgz`, '-C', folder.path]);
    const address = `127.0.0.1:${await freePort()}`;
    await using entrepot = new Child(process.execPath, ['dist/main.js', 'serve'], {
      cwd: folder.join('package'),
      env: { REGISTRY_HTTP_ADDR: address },
    });
    showWhenFailed('the release', entrepot);
    await eventually(60_000, 'the release serves', async () => answersRegistryApi(`http://${address}`));

    await git('tag', `v${version}`);
    await git('commit', '--quiet', '--allow-empty', '--message', 'chore: more');
    await expect(release()).rejects.toThrow(`the tag v${version} is on another commit`);
  });
});
