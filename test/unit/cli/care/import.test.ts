import { describe, expect, it } from 'vitest';
import { importContent } from '../../../../src/cli/care/import.ts';
import { Desk } from '../../../support/desk.ts';

describe('import', () => {
  it('takes over a folder, and says what it could not', async () => {
    await using desk = await Desk.open();

    const options = { ...desk.options, upstream: 'docker.io' };
    expect(await importContent('registry:/var/lib/registry', options, desk.context)).toBe(0);
    expect(desk.lines).toEqual([
      'skipped library/node:18: a layer is missing',
      'took over 1 repository, 2 tags, 4 blobs of 2 MiB: 3 without a copy; 1 were held before; 1 skipped',
    ]);
    expect(desk.err).toBe('1 repository, 1 tag, 2 blobs of 1 MiB\n');
    expect(desk.caretaker.calls).toEqual([
      ['importRegistry', { folder: '/var/lib/registry', upstream: 'docker.io' }],
    ]);
  });

  it('means a folder as seen from here', async () => {
    await using desk = await Desk.open();

    await importContent('registry:old', { ...desk.options, json: true }, desk.context);
    expect(desk.caretaker.calls).toEqual([
      ['importRegistry', { folder: `${process.cwd()}/old`, upstream: null }],
    ]);
    expect(desk.json).toEqual(desk.caretaker.imported.slice(1));
  });

  it('asks what is to be taken over', async () => {
    await using desk = await Desk.open();

    expect(await importContent('/var/lib/registry', desk.options, desk.context)).toBe(2);
    expect(desk.err).toContain('registry:/var/lib/registry');
  });
});
