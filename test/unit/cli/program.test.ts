import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { runProgram } from '../../../src/cli/program.ts';
import { version } from '../../../src/base/version.ts';
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

  it('has one way to name the configuration, in the same words for every command', async () => {
    const words =
      '--config <file> configuration file in YAML, as for registry:2 (default: $REGISTRY_CONFIGURATION_PATH)';
    const commands = /Commands?:|Maintenance, with/u;
    const named = (help: string): readonly string[] =>
      [
        ...help
          .slice(help.search(commands))
          .replace(/^Examples:[^]*/mu, '')
          .matchAll(/^ {2}([a-z][\w-]*)/gmu),
      ].map(([, name = '']) => name);
    const setups = named((await run('setup', '--help')).out).filter(
      (name) => !['tls', 'help'].includes(name),
    );
    const all = [
      ...named((await run('--help')).out).filter((name) => !['setup', 'help'].includes(name)),
      ...setups.map((client) => `setup ${client}`),
    ];

    expect(all).toEqual(expect.arrayContaining(['serve', 'doctor', 'ls', 'verify', 'setup docker']));
    for (const command of all) {
      const { out } = await run(...command.split(' '), '--help');
      expect(out.replaceAll(/\s+/gu, ' '), command).toContain(words);
    }
  });

  it('takes a configuration by --config or as it is, and not both', async () => {
    await using folder = await TempFolder.create();
    const file = folder.join('c.yml');
    await writeFile(file, 'version: 0.1\nproxy: { remoteurl: "https://ghcr.io" }\n');

    for (const args of [['--config', file], [file]]) {
      expect(await run('check-config', ...args)).toMatchObject({ code: 0, err: '' });
      const { out } = await run('setup', 'podman', '--mirror', 'http://mirror.lan:5000', ...args);
      expect(out).toContain('location = "ghcr.io"');
      expect(out).not.toContain('docker.io"');
    }
    for (const command of [['serve'], ['check-config'], ['health'], ['doctor'], ['setup', 'docker']]) {
      const both = await run(...command, file, '--config', 'other.yml');
      expect(both).toMatchObject({ code: 2, out: '' });
      expect(both.err).toContain(`error: two configuration files, ${file} and --config other.yml: name one`);
    }
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
    [['serve', '--prot', '1'], 'Run "entrepot serve --help" to see'],
    [['setup', 'docker', '--prot', '1'], 'Run "entrepot setup docker --help" to see'],
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
