import { describe, expect, it } from 'vitest';
import type { ContentStore, Room } from '../../../../src/store/content-store.ts';
import { eventually } from '../../../support/deadline.ts';
import { MirrorFixture, type MirrorFixtureOptions } from '../../../support/mirror-fixture.ts';
import { cachedBlobs, pull, publish } from '../../../support/published-image.ts';
import { wrapped } from '../../../support/wrapped.ts';

const kib = 1024;
const mib = 1024 * kib;
const layer = 400 * kib;

/** A disk of 10 MiB that can hold 1000 files, on which others keep things, too. */
class SmallDisk {
  othersBytes = 0;
  othersFiles = 0;

  readonly wrap = (content: ContentStore): ContentStore =>
    wrapped(content, {
      room: async (): Promise<Room> => {
        const held = [
          ...(await Array.fromAsync(content.list())),
          ...(await Array.fromAsync(content.listPartial())),
        ];
        const bytes = held.reduce((sum, { size }) => sum + size, 0);
        return {
          size: 10 * mib,
          free: Math.max(0, 10 * mib - bytes - this.othersBytes),
          files: 1000,
          freeFiles: Math.max(0, 1000 - held.length - this.othersFiles),
        };
      },
    });
}

async function open(disk: SmallDisk, options: MirrorFixtureOptions = {}): Promise<MirrorFixture> {
  return MirrorFixture.open({ ...options, wrapContent: disk.wrap, space: { minfree: { percent: 10 } } });
}

async function pullNew(fixture: MirrorFixture, ...names: readonly string[]): Promise<void> {
  for (const name of names) {
    await pull(fixture, name, publish(fixture, name, layer));
    await fixture.settled();
    await fixture.clock.advance(1000);
  }
}

/** Lets a minute pass, and what is done in each. */
async function minute(fixture: MirrorFixture): Promise<void> {
  await fixture.clock.advance(60_000);
  await fixture.space.enforcer.makeRoom();
}

describe('storage.minfree', () => {
  it('is kept by evicting what is least recently used, before a blob is there that needs the room', async () => {
    const disk = new SmallDisk();
    await using fixture = await open(disk);
    disk.othersBytes = 8 * mib;
    await pullNew(fixture, 'one', 'two', 'three', 'four');

    expect((await cachedBlobs(fixture)).size).toBe(4);
    expect((await fixture.content.room()).free).toBeGreaterThanOrEqual(mib);
    expect((await fixture.mirror.readiness()).ready).toBe(true);
  });

  it('is looked after each minute, though only others fill the disk', async () => {
    const disk = new SmallDisk();
    await using fixture = await open(disk);
    await pullNew(fixture, 'one', 'two', 'three');

    disk.othersBytes = 8 * mib + 500 * kib;
    await minute(fixture);

    await eventually(60_000, 'an eviction', async () => (await cachedBlobs(fixture)).size < 6);
    expect((await fixture.content.room()).free).toBeGreaterThanOrEqual(mib);
  });

  it('that cannot be kept lets pulls pass through, says the figures and the key, and that it is over', async () => {
    const disk = new SmallDisk();
    disk.othersBytes = 9.5 * mib;
    await using fixture = await open(disk);
    await fixture.settled();

    await pullNew(fixture, 'one', 'two');

    expect((await cachedBlobs(fixture)).size).toBe(0);
    expect(await Array.fromAsync(fixture.content.listPartial())).toEqual([]);
    expect(await fixture.mirror.readiness()).toEqual({
      ready: false,
      problems: [
        'nothing new is cached: 512 KiB of the disk are free, storage.minfree asks for 1 MiB, and nothing more can be evicted; free some of the disk, or lower storage.minfree',
      ],
    });
    disk.othersBytes = 0;
    await minute(fixture);
    await pullNew(fixture, 'three');
    expect((await cachedBlobs(fixture)).size).toBe(2);
    expect(await fixture.mirror.readiness()).toEqual({ ready: true, problems: [] });
    const told = fixture.log.filter(({ level, msg }) => Number(level) >= 40 || /room/.test(String(msg)));
    expect(told.map(({ level }) => level)).toEqual([40, 30]);
  });

  it('goes for files, too: one in a hundred that the disk can hold stays free', async () => {
    const disk = new SmallDisk();
    await using fixture = await open(disk);
    await pullNew(fixture, 'one', 'two', 'three');

    disk.othersFiles = 985;
    await minute(fixture);

    await eventually(60_000, 'an eviction', async () => (await fixture.content.room()).freeFiles >= 10);
    expect((await cachedBlobs(fixture)).size).toBe(4);
    disk.othersFiles = 999;
    await minute(fixture);
    await eventually(60_000, 'all to go', async () => (await cachedBlobs(fixture)).size === 0);
    await minute(fixture);
    expect((await fixture.mirror.readiness()).problems.join('\n')).toMatch(
      /hold only 1 of its 1000 files more/,
    );
  });
});
