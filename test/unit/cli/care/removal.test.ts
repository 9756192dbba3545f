import { describe, expect, it } from 'vitest';
import { prune } from '../../../../src/cli/care/prune.ts';
import { rm } from '../../../../src/cli/care/rm.ts';
import { CareError } from '../../../../src/cache/care/care-error.ts';
import { Desk } from '../../../support/desk.ts';

const hour = 3_600_000;

describe('rm', () => {
  it('removes each image and says what that freed', async () => {
    await using desk = await Desk.open();

    expect(await rm(['node:20'], desk.options, desk.context)).toBe(0);
    expect(desk.out).toBe('removed node:20: 3 manifests, 7 blobs, 1 MiB freed\n');
  });

  it('goes on after one that is not there, and fails in the end', async () => {
    await using desk = await Desk.open();
    const { removal } = desk.caretaker;
    let first = true;
    desk.caretaker.removal = () => {
      if (!first) return removal();
      first = false;
      return Promise.reject(new CareError('not-found', 'nodde is not cached'));
    };

    expect(await rm(['nodde', 'node:20'], desk.options, desk.context)).toBe(1);
    expect(desk.err).toBe('entrepot: nodde is not cached\n');
    expect(desk.out).toContain('removed node:20');
  });
});

describe('prune', () => {
  it('shows what went, and how much that was', async () => {
    await using desk = await Desk.open();

    expect(await prune({ ...desk.options, to: 1024, unused: hour }, desk.context)).toBe(0);
    expect(desk.lines).toEqual([
      'IMAGE                                      FREED  LAST USED',
      'node:18                                  1.0 GiB  3y ago',
      'sha256:0123456789ab, a blob of no image    1 KiB  3y ago',
      '1 image and 1 blob of no image, 1.0 GiB freed',
    ]);
    expect(desk.caretaker.calls).toEqual([['prune', { toBytes: 1024, unusedMs: hour, dryRun: false }]]);
  });

  it('says when it only would', async () => {
    await using desk = await Desk.open();

    await prune({ ...desk.options, unused: hour, dryRun: true }, desk.context);
    expect(desk.lines.at(-1)).toBe('1 image and 1 blob of no image, 1.0 GiB would be freed');
    expect(desk.caretaker.calls).toEqual([['prune', { toBytes: null, unusedMs: hour, dryRun: true }]]);
  });

  it('prints a JSON document a line', async () => {
    await using desk = await Desk.open();

    await prune({ ...desk.options, to: 0, json: true }, desk.context);
    expect(desk.json).toEqual(desk.caretaker.pruned);
  });

  it('asks what is to go', async () => {
    await using desk = await Desk.open();

    expect(await prune(desk.options, desk.context)).toBe(2);
    expect(desk.err).toContain('--to 20GiB');
  });
});
