import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { LiveLines } from '../../../src/cli/progress/live-lines.ts';
import { transferProgressOn, type TransferState } from '../../../src/cli/progress/transfer-progress.ts';
import { TransferRate } from '../../../src/cli/progress/transfer-rate.ts';
import { screenOf } from '../../support/fake-screen.ts';
import { TestClock } from '../../support/test-clock.ts';

const MiB = 2 ** 20;

describe('a transfer rate', () => {
  it('is that of the last ten seconds', async () => {
    const clock = new TestClock();
    const rate = new TransferRate(clock);
    rate.note(0);
    expect(rate.bytesPerSecond).toBeUndefined();
    for (let second = 1; second <= 30; second += 1) {
      await clock.advance(1000);
      rate.note(second <= 20 ? second * 1000 : 20_000 + (second - 20) * 100);
    }

    expect(rate.bytesPerSecond).toBe(100);
    expect(rate.timeFor(1000)).toBe(10_000);
  });

  it('tells no time while nothing comes', async () => {
    const clock = new TestClock();
    const rate = new TransferRate(clock);
    rate.note(5);
    await clock.advance(2000);
    rate.note(5);

    expect(rate.bytesPerSecond).toBe(0);
    expect(rate.timeFor(1)).toBeUndefined();
  });
});

describe('lines on a screen', () => {
  it('take the place of those before, as far as they fit', () => {
    const screen = screenOf(new PassThrough(), { columns: 10, rows: 3 });
    const lines = new LiveLines(screen.stream);

    lines.draw(['one']);
    lines.draw(['far too long for it', 'two', 'three']);
    lines.clear();

    expect(screen.frames()).toEqual([['one'], ['two', 'three']]);
    expect(screen.isClear()).toBe(true);
    lines.draw(['far too long for it']);
    expect(screen.frames().at(-1)).toEqual(['far too l']);
  });
});

describe('the progress of a transfer', () => {
  const state = (bytes: number, images = 1, totalBytes = 100 * MiB): TransferState => ({
    images,
    totalImages: 4,
    bytes,
    totalBytes,
    underWay: Array.from({ length: 3 }, (_, index) => ({
      name: `image ${index}`,
      bytes: bytes / 3,
      totalBytes: totalBytes / 3,
      parts: Array.from({ length: 5 }, () => ({ name: 'layer', bytes, totalBytes })),
    })),
  });

  it('is a line each tenth of the way in a log, with rate and time left', async () => {
    const clock = new TestClock();
    let err = '';
    const terminal = { out: () => undefined, err: (text: string) => void (err += text), interactive: false };
    const progress = transferProgressOn(terminal, clock);
    for (const percent of [0, 5, 10, 15, 20, 90]) {
      progress.show(state(percent * MiB));
      await clock.advance(1000);
    }

    expect(err.split('\n')).toEqual([
      '1 of 4 images, 10 MiB of 100 MiB, 5 MiB/s, 18 seconds left',
      '1 of 4 images, 20 MiB of 100 MiB, 5 MiB/s, 16 seconds left',
      '1 of 4 images, 90 MiB of 100 MiB, 18 MiB/s, 1 second left',
      '',
    ]);
  });

  it('says nothing in a log as long as no bytes are known of', () => {
    let err = '';
    const terminal = { out: () => undefined, err: (text: string) => void (err += text), interactive: false };
    const underWay = [{ name: 'image', bytes: 0, totalBytes: 0, parts: [] }];
    const nothing = { images: 0, totalImages: 1, bytes: 0, totalBytes: 0, underWay };
    transferProgressOn(terminal, new TestClock()).show(nothing);

    expect(err).toBe('');
  });

  it('has a bar for each image even where there is no room for all of their parts', async () => {
    const clock = new TestClock();
    const screen = screenOf(new PassThrough(), { columns: 80, rows: 10 });
    const terminal = {
      out: () => undefined,
      err: () => undefined,
      interactive: true,
      bars: screen.stream,
    };
    const progress = transferProgressOn(terminal, clock);
    progress.show(state(50 * MiB));
    await clock.advance(1000);
    progress.show(state(60 * MiB));
    progress.clear();

    const [, last = []] = screen.frames();
    expect(last).toHaveLength(8);
    expect(last.filter((line) => line.startsWith('image'))).toHaveLength(3);
    expect(last.filter((line) => line.startsWith('layer') || line.startsWith('  layer'))).toHaveLength(3);
    expect(last.at(-1)).toBe('10 MiB/s, 4 seconds left');
    expect(last.every((line) => line.length < 80)).toBe(true);
  });
});
