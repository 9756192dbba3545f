import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { runProgram } from '../../../src/cli/program.ts';
import { version } from '../../../src/version.ts';
import { TempFolder } from '../../support/temp-folder.ts';

/** Runs a command line within this process. */
async function run(...args: readonly string[]) {
  let out = '';
  let err = '';
  const code = await runProgram(args, {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    interactive: false,
  });
  return { code, out, err };
}

describe('the command line', () => {
  it('prints the version', async () => {
    expect(await run('--version')).toEqual({ code: 0, out: `${version}\n`, err: '' });
  });

  it('prints what there is', async () => {
    const { code, out } = await run('--help');

    expect(code).toBe(0);
    for (const word of ['serve', 'doctor', 'setup', 'REGISTRY_HTTP_ADDR', 'well-known public registries']) {
      expect(out).toContain(word);
    }
  });

  it('prints the help of one command', async () => {
    const { code, out } = await run('serve', '--help');

    expect(code).toBe(0);
    expect(out).toContain('REGISTRY_CONFIGURATION_PATH');
  });

  it('shows no default where there is none', async () => {
    const { out } = await run('setup', 'tls', '--help');

    expect(out).toContain('--host <name>');
    expect(out).not.toContain('[]');
  });

  it.each([
    [['sevre'], 'Did you mean serve?'],
    [['serve', '--prot', '1'], "unknown option '--prot'"],
    [['serve', 'a.yml', 'b.yml'], 'too many arguments'],
    [[], 'Usage: entrepot'],
  ])('answers %j with exit code 2 and a hint', async (args, hint) => {
    const { code, out, err } = await run(...args);

    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(hint);
  });
});

describe('check-config', () => {
  it('prints what is in force and warns on the side', async () => {
    await using folder = await TempFolder.create();
    await writeFile(
      folder.join('c.yml'),
      'version: 0.1\nredis: { addr: x }\nproxy: { remoteurl: "https://ghcr.io", username: me, password: geheim }\naccess: { private: allow }\n',
    );

    const { code, out, err } = await run('check-config', folder.join('c.yml'));

    expect(code).toBe(0);
    expect(out).toContain('remoteurl: https://ghcr.io');
    expect(out).toContain('username: me');
    expect(out).not.toContain('geheim');
    expect(err).toMatch(/^warning: .*redis\n$/);
  });

  it('tells what is wrong with exit code 2', async () => {
    await using folder = await TempFolder.create();
    await writeFile(folder.join('c.yml'), 'version: 0.1\nproxy: { ttl: soon }\n');

    const { code, out, err } = await run('check-config', folder.join('c.yml'));

    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain('c.yml:2:10: proxy.ttl: "soon" is not a duration');
  });
});
