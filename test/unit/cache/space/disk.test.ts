import { expect, it } from 'vitest';
import { Disk } from '../../../../src/cache/space/disk.ts';
import { Reservations } from '../../../../src/cache/space/reservations.ts';
import { TestClock } from '../../../support/test-clock.ts';

/** A disk that has `free` bytes left by its own account. */
function measured(free: number) {
  const clock = new TestClock();
  const really = { free };
  const content = { room: async () => ({ size: 1000, free: really.free, files: 0, freeFiles: 0 }) };
  const disk = new Disk(content, new Reservations(), clock);
  return { clock, really, disk };
}

it('is not measured again at once, since some disks give back late what was removed', async () => {
  const { clock, really, disk } = measured(100);
  await disk.refresh();
  disk.freed(1, 50);
  really.free = 100;
  await disk.refresh();
  expect(disk.room?.free).toBe(150);

  await clock.advance(10_000);
  await disk.refresh();

  expect(disk.room?.free).toBe(100);
});

it('is measured at once when it has turned out to be another than was believed', async () => {
  const { really, disk } = measured(100);
  await disk.refresh();
  really.free = 0;
  disk.doubt();
  expect(disk.room?.free).toBe(100);

  await disk.refresh();

  expect(disk.room?.free).toBe(0);
});
