import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { verify } from '../../../../src/cli/verify/cache.ts';
import { CareCommandFixture } from '../../../support/care-command-fixture.ts';

describe('verify', () => {
  it('tells what it found, and fails when content is lost', async () => {
    await using fixture = await CareCommandFixture.open();

    expect(await verify(fixture.options, fixture.context)).toBe(1);
    expect(fixture.lines).toEqual([
      'damaged: its bytes hash to something else (lost)',
      `  sha256:${'0123456789abcdef'.repeat(4)}`,
      '  in node:20',
      'verified 2 blobs of 100 B, 3 manifests and 1 tag: 1 damaged; to repair: entrepot verify --repair',
    ]);
    expect(fixture.err).toBe('50 %  1 of 2 blobs, 50 B of 100 B\n');
    expect(fixture.caretaker.calls).toEqual([['verify', { repair: false }]]);
  });

  it('says what becomes of what is lost once it is put right', async () => {
    await using fixture = await CareCommandFixture.open();

    expect(await verify({ ...fixture.options, repair: true }, fixture.context)).toBe(1);
    expect(fixture.lines.slice(-2)).toEqual([
      'verified 2 blobs of 100 B, 3 manifests and 1 tag: 1 damaged; 0 repaired',
      'lost content is fetched again when it is next pulled',
    ]);
  });

  it('is content when all is well', async () => {
    await using fixture = await CareCommandFixture.open();
    fixture.caretaker.verification = [
      {
        type: 'report',
        report: { blobs: 2, bytes: 100, manifests: 3, tags: 1, findings: {}, loss: false, repaired: 0 },
      },
    ];

    expect(await verify({ ...fixture.options, repair: true }, fixture.context)).toBe(0);
    expect(fixture.out).toBe('verified 2 blobs of 100 B, 3 manifests and 1 tag: all is well\n');
    expect(fixture.caretaker.calls).toEqual([['verify', { repair: true }]]);
  });

  it('fails without a report', async () => {
    await using fixture = await CareCommandFixture.open();
    fixture.caretaker.verification = [];

    expect(await verify(fixture.options, fixture.context)).toBe(1);
  });

  it('prints findings and report as JSON', async () => {
    await using fixture = await CareCommandFixture.open();

    expect(await verify({ ...fixture.options, json: true }, fixture.context)).toBe(1);
    expect(fixture.json).toMatchObject([{ type: 'finding' }, { type: 'report' }]);
  });

  it('draws a bar where somebody watches, and takes it away', async () => {
    await using fixture = await CareCommandFixture.open();
    fixture.screen = new PassThrough();
    Object.assign(fixture.screen, { isTTY: true, columns: 100, cursorTo: () => true, clearLine: () => true });

    await verify(fixture.options, fixture.context);
    expect(String(fixture.screen.read())).toMatch(/\[=+ +\] 50 % {2}1 of 2 blobs/);
    expect(fixture.err).toBe('');
  });

  it('tells each tenth of the way once where nobody watches', async () => {
    await using fixture = await CareCommandFixture.open();
    fixture.caretaker.verification = Array.from({ length: 101 }, (_, bytes) => ({
      type: 'progress',
      progress: { blobs: 0, bytes, totalBlobs: 1, totalBytes: 100 },
    }));

    await verify(fixture.options, fixture.context);
    expect(fixture.err.match(/^\d+ %/gm)).toEqual(
      Array.from({ length: 10 }, (_, index) => `${index + 1}0 %`),
    );
  });
});
