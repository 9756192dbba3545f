import { describe, expect, it } from 'vitest';
import { maxRate } from '../../../src/cli/offline/maxrate.ts';
import { runProgram } from '../../../src/cli/program.ts';
import { CareCommandFixture } from '../../support/care-command-fixture.ts';

const mebibyte = 2 ** 20;

describe('entrepot maxrate', () => {
  it('limits all registries, or one, and says what a restart makes of it', async () => {
    await using fixture = await CareCommandFixture.open();
    const { throttle } = fixture.services;

    expect(await maxRate(10 * mebibyte, fixture.options, fixture.context)).toBe(0);
    expect(await maxRate(mebibyte, { ...fixture.options, upstream: 'docker.io' }, fixture.context)).toBe(0);
    expect(throttle.limitOf(undefined)).toBe(10 * mebibyte);

    fixture.out = '';
    await maxRate(undefined, fixture.options, fixture.context);
    expect(fixture.lines).toEqual([
      'all registries together: 10 MiB/s; after a restart no limit, as configured',
      'docker.io: 1 MiB/s; after a restart no limit, as configured',
    ]);

    await maxRate(null, fixture.options, fixture.context);
    fixture.out = '';
    await maxRate(null, { ...fixture.options, upstream: 'docker.io' }, fixture.context);
    expect(fixture.lines).toEqual(['all registries together: no limit']);
  });

  it('tells a limit as it was given, not rounded down', async () => {
    await using fixture = await CareCommandFixture.open();
    await maxRate(2_500_000, fixture.options, fixture.context);

    expect(fixture.lines).toEqual([
      'all registries together: 2500 KB/s; after a restart no limit, as configured',
    ]);
  });

  it('refuses a registry that is not mirrored', async () => {
    await using fixture = await CareCommandFixture.open();

    expect(await maxRate(mebibyte, { ...fixture.options, upstream: 'quay.io' }, fixture.context)).toBe(2);
    expect(fixture.err).toBe('entrepot: quay.io is not mirrored here; this mirror serves docker.io\n');
  });

  it.each(['100Mbit', '100Mb/s', 'much', '1KiB', '-1MiB'])('does not take %s for a rate', async (text) => {
    let err = '';
    const terminal = { out: () => undefined, err: (more: string) => void (err += more), interactive: false };

    expect(await runProgram(['maxrate', '--', text], terminal)).toBe(2);
    expect(err).toContain('It is no rate from 16KiB on: write for example 10MiB or 500KB, or off.');
  });
});
