import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { verify } from '../../../../src/cli/care/verify.ts';
import { Desk } from '../../../support/desk.ts';

describe('verify', () => {
  it('tells what it found, and fails when content is lost', async () => {
    await using desk = await Desk.open();

    expect(await verify(desk.options, desk.context)).toBe(1);
    expect(desk.lines).toEqual([
      'damaged: its bytes hash to something else (lost)',
      `  sha256:${'0123456789abcdef'.repeat(4)}`,
      '  in node:20',
      'verified 2 blobs of 100 B, 3 manifests and 1 tag: 1 damaged; "entrepot verify --repair" puts right what can be',
    ]);
    expect(desk.err).toBe('50 %  1 of 2 blobs, 50 B of 100 B\n');
    expect(desk.caretaker.calls).toEqual([['verify', { repair: false }]]);
  });

  it('says what becomes of what is lost once it is put right', async () => {
    await using desk = await Desk.open();

    expect(await verify({ ...desk.options, repair: true }, desk.context)).toBe(1);
    expect(desk.lines.slice(-2)).toEqual([
      'verified 2 blobs of 100 B, 3 manifests and 1 tag: 1 damaged; 0 repaired',
      'what is lost is fetched anew when it is next asked for',
    ]);
  });

  it('is content when all is well', async () => {
    await using desk = await Desk.open();
    desk.caretaker.verification = [
      {
        type: 'report',
        report: { blobs: 2, bytes: 100, manifests: 3, tags: 1, findings: {}, loss: false, repaired: 0 },
      },
    ];

    expect(await verify({ ...desk.options, repair: true }, desk.context)).toBe(0);
    expect(desk.out).toBe('verified 2 blobs of 100 B, 3 manifests and 1 tag: all is well\n');
    expect(desk.caretaker.calls).toEqual([['verify', { repair: true }]]);
  });

  it('fails without a report', async () => {
    await using desk = await Desk.open();
    desk.caretaker.verification = [];

    expect(await verify(desk.options, desk.context)).toBe(1);
  });

  it('prints findings and report as JSON', async () => {
    await using desk = await Desk.open();

    expect(await verify({ ...desk.options, json: true }, desk.context)).toBe(1);
    expect(desk.json).toMatchObject([{ type: 'finding' }, { type: 'report' }]);
  });

  it('draws a bar where somebody watches, and takes it away', async () => {
    await using desk = await Desk.open();
    desk.screen = new PassThrough();
    Object.assign(desk.screen, { isTTY: true, columns: 100, cursorTo: () => true, clearLine: () => true });

    await verify(desk.options, desk.context);
    expect(String(desk.screen.read())).toMatch(/\[=+ +\] 50 % {2}1 of 2 blobs/);
    expect(desk.err).toBe('');
  });

  it('tells each tenth of the way once where nobody watches', async () => {
    await using desk = await Desk.open();
    desk.caretaker.verification = Array.from({ length: 101 }, (_, bytes) => ({
      type: 'progress',
      progress: { blobs: 0, bytes, totalBlobs: 1, totalBytes: 100 },
    }));

    await verify(desk.options, desk.context);
    expect(desk.err.match(/^\d+ %/gm)).toEqual(Array.from({ length: 10 }, (_, index) => `${index + 1}0 %`));
  });
});
