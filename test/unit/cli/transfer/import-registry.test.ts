import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { importContent } from '../../../../src/cli/transfer/import-content.ts';
import { importRegistry } from '../../../../src/cli/transfer/import-registry.ts';
import { CareCommandFixture } from '../../../support/care-command-fixture.ts';

const nothing = Readable.from([]);

describe('the import of a registry', () => {
  it('takes over a folder, and says what it could not', async () => {
    await using fixture = await CareCommandFixture.open();

    const options = { ...fixture.options, upstream: 'docker.io' };
    expect(await importContent(['registry:/var/lib/registry'], options, nothing, fixture.context)).toBe(0);
    expect(fixture.lines).toEqual([
      'skipped library/node:18: a layer is missing',
      'took over 1 repository, 2 tags, 4 blobs of 2 MiB: 3 without a copy; 1 were cached before; 1 skipped',
    ]);
    expect(fixture.err).toBe('1 repository, 1 tag, 2 blobs of 1 MiB\n');
    expect(fixture.caretaker.calls).toEqual([
      ['importRegistry', { folder: '/var/lib/registry', upstream: 'docker.io' }],
    ]);
  });

  it('means a folder as seen from here', async () => {
    await using fixture = await CareCommandFixture.open();

    await importRegistry('old', { ...fixture.options, json: true }, fixture.context);
    expect(fixture.caretaker.calls).toEqual([
      ['importRegistry', { folder: `${process.cwd()}/old`, upstream: null }],
    ]);
    expect(fixture.json).toEqual(fixture.caretaker.imported.slice(1));
  });

  it('is a command of its own', async () => {
    await using fixture = await CareCommandFixture.open();

    const sources = ['registry:/var/lib/registry', 'app.tar'];
    expect(await importContent(sources, fixture.options, nothing, fixture.context)).toBe(2);
    expect(fixture.err).toBe('entrepot: registry: is imported by a command of its own\n');
  });
});
