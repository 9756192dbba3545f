import { describe, expect, it } from 'vitest';
import { pin } from '../../../../src/cli/care/pin.ts';
import { unpin } from '../../../../src/cli/care/unpin.ts';
import { CareError } from '../../../../src/cache/care/care-error.ts';
import { CareCommandFixture } from '../../../support/care-command-fixture.ts';

describe('pin and unpin', () => {
  it('pin each pattern', async () => {
    await using fixture = await CareCommandFixture.open();

    expect(await pin(['node:*', 'ghcr.io/acme/*'], fixture.options, fixture.context)).toBe(0);
    expect(fixture.lines).toEqual(['pinned node:*', 'pinned ghcr.io/acme/*']);
    expect(fixture.caretaker.calls.filter(([name]) => name === 'pin')).toEqual([
      ['pin', 'node:*'],
      ['pin', 'ghcr.io/acme/*'],
    ]);
  });

  it('say when nothing is like that', async () => {
    await using fixture = await CareCommandFixture.open();
    fixture.caretaker.listings = [];

    expect(await pin(['nodde'], fixture.options, fixture.context)).toBe(0);
    expect(fixture.out).toBe('pinned nodde (nothing like it is cached)\n');
    expect(fixture.caretaker.calls).toContainEqual(['images', { matching: 'nodde' }]);
  });

  it('list the patterns without one', async () => {
    await using fixture = await CareCommandFixture.open();

    await pin([], fixture.options, fixture.context);
    expect(fixture.lines).toEqual([
      'PATTERN         SINCE',
      'node:*          in the configuration',
      'ghcr.io/acme/*  5h ago',
    ]);
    fixture.out = '';
    await pin([], { ...fixture.options, json: true }, fixture.context);
    expect(fixture.json).toEqual(fixture.caretaker.pinned);
  });

  it('tell what is no pattern by exit code 2', async () => {
    await using fixture = await CareCommandFixture.open();
    fixture.caretaker.pinning = () => Promise.reject(new CareError('invalid', '[ is half a pair'));

    expect(await pin(['['], fixture.options, fixture.context)).toBe(2);
    expect(fixture.err).toBe('entrepot: [ is half a pair\n');
  });

  it('end a pin, and tell one that there was not', async () => {
    await using fixture = await CareCommandFixture.open();

    expect(await unpin(['node:*', 'other'], fixture.options, fixture.context)).toBe(1);
    expect([fixture.out, fixture.err]).toEqual(['unpinned node:*\n', 'entrepot: other was not pinned\n']);
  });
});
