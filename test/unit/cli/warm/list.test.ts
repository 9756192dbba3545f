import { describe, expect, it } from 'vitest';
import { listImages, type ListOptions } from '../../../../src/cli/warm/list.ts';
import { addImageSelection } from '../../../../src/cli/image-selection.ts';
import { Command } from 'commander';
import { FindFixture } from '../../../support/find-fixture.ts';

/** Runs `warm --list` with arguments as the command line has them. */
async function list(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  let out = '';
  let err = '';
  const terminal = {
    out: (text: string) => void (out += text),
    err: (text: string) => void (err += text),
    interactive: false,
  };
  let code: number | undefined;
  const command = addImageSelection(new Command('warm')).option('--json');
  command.exitOverride().configureOutput({ writeErr: terminal.err });
  command.action(async (names: readonly string[], options: ListOptions) => {
    code = await listImages(names, options, { terminal, stdin: nothing(), environment });
  });
  await command.parseAsync(args, { from: 'user' });
  return { code, out, err };
}

async function* nothing(): AsyncGenerator<Buffer> {
  // Ends at once.
}

describe('warm --list', () => {
  it('prints images in their canonical form, sorted, each once, and nothing else', async () => {
    await using files = await FindFixture.of({
      'a.txt': 'redis\nnode:18\n',
      'b.txt': 'docker.io/library/node:18\n',
    });
    const args = ['-f', files.folder.join('a.txt'), '-f', files.folder.join('b.txt'), 'ghcr.io/a/b', 'redis'];
    expect(await list(args)).toEqual({
      code: 0,
      out: 'docker.io/library/node:18\ndocker.io/library/redis:latest\nghcr.io/a/b:latest\n',
      err: '',
    });
  });

  it('prints what it reads again as a list', async () => {
    const digest = `sha256:${'ab'.repeat(32)}`;
    const text = `node\nghcr.io/a/b@${digest}\nnode:18@${digest}\nlocalhost:5000/x:1\n`;
    await using files = await FindFixture.of({ 'in.txt': text });
    const first = await list(['-f', files.folder.join('in.txt')]);
    await using again = await FindFixture.of({ 'images.txt': first.out });
    expect(await list(['-f', again.folder.join('images.txt')])).toEqual(first);
    expect(first.out).toContain(`docker.io/library/node:18@${digest}\n`);
  });

  it('prints each place that names an image as JSON', async () => {
    await using files = await FindFixture.of({ 'a.txt': '\nnode\n' });
    const file = files.folder.join('a.txt');
    const { out } = await list(['-f', file, 'redis', '--json']);
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([
      {
        image: 'docker.io/library/node:latest',
        file,
        line: 2,
        kind: 'list',
        reason: 'listed',
        platform: null,
      },
      {
        image: 'docker.io/library/redis:latest',
        file: null,
        line: null,
        kind: null,
        reason: 'argument',
        platform: null,
      },
    ]);
  });

  it('leaves out what is excluded, by any of its names', async () => {
    await using files = await FindFixture.of({
      'a.txt': 'node:18\nnode:18-slim\nghcr.io/a/b\nghcr.io/a/b/c\nredis\n',
    });
    const excluded = ['node:*-slim', 'ghcr.io/a/*', 'library/redis'].flatMap((one) => ['--exclude', one]);
    const { out } = await list(['-f', files.folder.join('a.txt'), ...excluded]);
    expect(out).toBe('docker.io/library/node:18\n');
    const wrong = await list(['node', '--exclude', 'a b']);
    expect(wrong).toMatchObject({ code: 2, out: '' });
    expect(wrong.err).toMatch(/^entrepot: --exclude a b has a character/u);
  });

  it('names bad references and files, and exits with 2', async () => {
    await using files = await FindFixture.of({ 'a.txt': 'node\nNode\n', 'compose.txt': 'node\n' });
    const { code, out, err } = await list([
      '-f',
      files.folder.join('a.txt'),
      '-f',
      '/nowhere/b.txt',
      'Redis',
    ]);
    expect(code).toBe(2);
    expect(out).toBe('docker.io/library/node:latest\n');
    expect(err.split('\n').sort()).toEqual([
      '',
      'entrepot: "Redis" has capital letters in its name: names of repositories are lower case',
      `entrepot: ${files.folder.join('a.txt')}:2: "Node" has capital letters in its name: names of repositories are lower case`,
      'entrepot: /nowhere/b.txt: does not exist',
    ]);
  });

  it('tells that a file was named like an image', async () => {
    await using files = await FindFixture.of({ 'images.txt': 'node\n' });
    const file = files.folder.join('images.txt');
    expect(await list([file])).toEqual({
      code: 2,
      out: '',
      err: `entrepot: ${file} is a file here: give it with -f\n`,
    });
  });

  it('needs an image or a file, and knows what its options take', async () => {
    expect(await list([])).toMatchObject({ code: 2, out: '' });
    await expect(list(['node', '--platform', 'windows?'])).rejects.toThrow(/is no platform|is no known/u);
    await expect(list(['node', '--env', '=1'])).rejects.toThrow(/NAME=VALUE/u);
    await expect(list(['-f', 'x', '--kind', 'helm'])).rejects.toThrow(
      /Allowed choices are list, dockerfile/u,
    );
  });
});
