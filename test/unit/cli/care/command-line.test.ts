import { readdir } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { CommandContext } from '../../../../src/cli/command-context.ts';
import { ls } from '../../../../src/cli/care/ls.ts';
import { rm } from '../../../../src/cli/care/rm.ts';
import { runProgram } from '../../../../src/cli/program.ts';
import { CareError } from '../../../../src/cache/care/care-error.ts';
import { writeConfigurationFile } from '../../../support/configuration-file.ts';
import { imageListing } from '../../../support/fake-caretaker.ts';
import { TempFolder } from '../../../support/temp-folder.ts';
import { CareCommandFixture } from '../../../support/care-command-fixture.ts';

describe('a command where there is no data folder', () => {
  it.each([
    ['ls', 0, (options: object, context: CommandContext) => ls(undefined, options, context)],
    ['rm', 1, (options: object, context: CommandContext) => rm(['node'], options, context)],
  ])('such as %s says so and makes none', async (_name, code, command) => {
    await using fixture = await CareCommandFixture.open();
    await using folder = await TempFolder.create();
    const config = await writeConfigurationFile(folder, {});

    expect(await command({ config }, fixture.context)).toBe(code);
    expect(fixture.err).toBe(`entrepot: nothing is cached: there is no folder ${folder.join('data')}\n`);
    expect(await readdir(folder.path)).toEqual(['config.yml']);
  });

  it('tells what is wrong with a configuration', async () => {
    await using fixture = await CareCommandFixture.open();

    expect(await runProgram(['ls', '--config', '/nowhere.yml'], fixture.context.terminal)).toBe(2);
    expect(fixture.err).toContain('/nowhere.yml');
  });
});

describe('the command line of care', () => {
  it.each([
    [['prune', '--to', 'much'], 'It is not a size'],
    [['prune', '--unused', '3'], 'It is not a duration'],
    [['prune', '--unused', '-3d'], 'It is not a duration'],
    [['rm'], "missing required argument 'image'"],
    [['unpin'], "missing required argument 'pattern'"],
    [['ls', '--sizes'], "unknown option '--sizes'"],
  ])('answers %j with exit code 2 and a hint', async (args, hint) => {
    let err = '';
    const code = await runProgram(args, {
      out: () => undefined,
      err: (text) => void (err += text),
      interactive: false,
    });

    expect(code).toBe(2);
    expect(err).toContain(hint);
  });

  it('shows nothing that a terminal would obey, whatever the server says', async () => {
    await using fixture = await CareCommandFixture.open();
    const hidden = 'node:20\u001b[2K\u001b]52;c;cm0=\u0007\r\u009b1A';
    fixture.caretaker.listings = [imageListing('node', { image: hidden, pinnedBy: 'a\tb' })];
    fixture.caretaker.removal = () => Promise.reject(new CareError('failed', `${hidden} is stuck`));

    for (const args of [['ls'], ['ls', '--json'], ['rm', hidden]])
      await runProgram([...args, '--config', fixture.options.config], fixture.context.terminal);

    expect(fixture.lines).toHaveLength(3);
    expect(fixture.lines[1]).toMatch(/^node:20\?\[2K\?\]52;c;cm0=\?\?\?1A .* a\?b$/);
    expect(fixture.err).toContain('node:20?[2K?]52;');
    expect(fixture.out + fixture.err).not.toMatch(/[^\P{Cc}\n]/u);
  });
});
