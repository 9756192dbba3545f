import { describe, expect, it } from 'vitest';
import { pin } from '../../../../src/cli/care/pin.ts';
import { unpin } from '../../../../src/cli/care/unpin.ts';
import { CareError } from '../../../../src/cache/care/care-error.ts';
import { Desk } from '../../../support/desk.ts';

describe('pin and unpin', () => {
  it('pin each pattern', async () => {
    await using desk = await Desk.open();

    expect(await pin(['node:*', 'ghcr.io/acme/*'], desk.options, desk.context)).toBe(0);
    expect(desk.lines).toEqual(['pinned node:*', 'pinned ghcr.io/acme/*']);
    expect(desk.caretaker.calls.filter(([name]) => name === 'pin')).toEqual([
      ['pin', 'node:*'],
      ['pin', 'ghcr.io/acme/*'],
    ]);
  });

  it('say when nothing is like that', async () => {
    await using desk = await Desk.open();
    desk.caretaker.listings = [];

    expect(await pin(['nodde'], desk.options, desk.context)).toBe(0);
    expect(desk.out).toBe('pinned nodde (nothing like it is cached)\n');
    expect(desk.caretaker.calls).toContainEqual(['images', { matching: 'nodde' }]);
  });

  it('list the patterns without one', async () => {
    await using desk = await Desk.open();

    await pin([], desk.options, desk.context);
    expect(desk.lines).toEqual([
      'PATTERN         SINCE',
      'node:*          in the configuration',
      'ghcr.io/acme/*  5h ago',
    ]);
    desk.out = '';
    await pin([], { ...desk.options, json: true }, desk.context);
    expect(desk.json).toEqual(desk.caretaker.pinned);
  });

  it('tell what is no pattern by exit code 2', async () => {
    await using desk = await Desk.open();
    desk.caretaker.pinning = () => Promise.reject(new CareError('invalid', '[ is half a pair'));

    expect(await pin(['['], desk.options, desk.context)).toBe(2);
    expect(desk.err).toBe('entrepot: [ is half a pair\n');
  });

  it('end a pin, and tell one that there was not', async () => {
    await using desk = await Desk.open();

    expect(await unpin(['node:*', 'other'], desk.options, desk.context)).toBe(1);
    expect([desk.out, desk.err]).toEqual(['unpinned node:*\n', 'entrepot: other was not pinned\n']);
  });
});
