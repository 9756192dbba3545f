import { readdir } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { CareContext } from '../../../../src/cli/care/care.ts';
import { ls } from '../../../../src/cli/care/ls.ts';
import { rm } from '../../../../src/cli/care/rm.ts';
import { runProgram } from '../../../../src/cli/program.ts';
import { CareError } from '../../../../src/cache/care/care-error.ts';
import { writeConfigurationFile } from '../../../support/configuration-file.ts';
import { imageListing } from '../../../support/fake-caretaker.ts';
import { TempFolder } from '../../../support/temp-folder.ts';
import { Desk } from '../../../support/desk.ts';

describe('a command where there is no data folder', () => {
  it.each([
    ['ls', 0, (options: object, context: CareContext) => ls(undefined, options, context)],
    ['rm', 1, (options: object, context: CareContext) => rm(['node'], options, context)],
  ])('such as %s says so and makes none', async (_name, code, command) => {
    await using desk = await Desk.open();
    await using folder = await TempFolder.create();
    const config = await writeConfigurationFile(folder, {});

    expect(await command({ config }, desk.context)).toBe(code);
    expect(desk.err).toBe(`entrepot: nothing is cached: there is no folder ${folder.join('data')}\n`);
    expect(await readdir(folder.path)).toEqual(['config.yml']);
  });

  it('tells what is wrong with a configuration', async () => {
    await using desk = await Desk.open();

    expect(await ls(undefined, { config: '/nowhere.yml' }, desk.context)).toBe(2);
    expect(desk.err).toContain('/nowhere.yml');
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
    await using desk = await Desk.open();
    const hidden = 'node:20\u001b[2K\u001b]52;c;cm0=\u0007\r\u009b1A';
    desk.caretaker.listings = [imageListing('node', { image: hidden, pinnedBy: 'a\tb' })];
    desk.caretaker.removal = () => Promise.reject(new CareError('failed', `${hidden} is stuck`));

    for (const args of [['ls'], ['ls', '--json'], ['rm', hidden]])
      await runProgram([...args, '--config', desk.options.config], desk.context.terminal);

    expect(desk.lines).toHaveLength(3);
    expect(desk.lines[1]).toMatch(/^node:20\?\[2K\?\]52;c;cm0=\?\?\?1A .* a\?b$/);
    expect(desk.err).toContain('node:20?[2K?]52;');
    expect(desk.out + desk.err).not.toMatch(/[^\P{Cc}\n]/u);
  });
});
