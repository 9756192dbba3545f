import { describe, expect, it } from 'vitest';
import { offline } from '../../../src/cli/offline/offline.ts';
import { CareCommandFixture } from '../../support/care-command-fixture.ts';
import { writeConfigurationFile } from '../../support/configuration-file.ts';
import { TempFolder } from '../../support/temp-folder.ts';

describe('entrepot offline', () => {
  it('switches the server, says that a restart undoes it, and prints what it is', async () => {
    await using fixture = await CareCommandFixture.open();
    const { connectivity } = fixture.services;

    expect(await offline('on', fixture.options, fixture.context)).toBe(0);
    expect(connectivity.isOffline).toBe(true);
    expect(fixture.lines).toEqual([
      'offline: no registry is asked',
      'after a restart the server is online again, as configured',
    ]);

    fixture.out = '';
    await offline(undefined, { ...fixture.options, json: true }, fixture.context);
    expect(fixture.json).toEqual([{ offline: true, offlineAtStart: false }]);

    fixture.out = '';
    await offline('off', fixture.options, fixture.context);
    expect(connectivity.isOffline).toBe(false);
    expect(fixture.lines).toEqual(['online']);
  });

  it('says what to do where no server runs', async () => {
    await using fixture = await CareCommandFixture.open();
    await using folder = await TempFolder.create();
    const config = await writeConfigurationFile(folder, {});

    expect(await offline('on', { config }, fixture.context)).toBe(1);

    expect(fixture.err).toBe(
      `entrepot: no server runs on the data folder ${folder.join('data')}; to start one offline, write "offline: true" into its configuration, or run "entrepot serve --offline"\n`,
    );
  });
});
