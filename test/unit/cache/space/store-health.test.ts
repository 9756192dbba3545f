import { describe, expect, it } from 'vitest';
import { StoreHealth } from '../../../../src/cache/space/store-health.ts';
import type { ContentStore, Room } from '../../../../src/store/content-store.ts';
import type { MetadataStore } from '../../../../src/store/metadata-store.ts';
import { StoreError, type StoreErrorCode } from '../../../../src/store/store-error.ts';
import { logLines } from '../../../support/log-lines.ts';
import { TestClock } from '../../../support/test-clock.ts';

const gib = 1024 ** 3;

/** A store's health, with stores that fail as they are told to. */
function patient() {
  const clock = new TestClock();
  const { logger, lines } = logLines();
  const stores: { error: StoreError | undefined; room: Room; probes: number } = {
    error: undefined,
    room: { size: 100 * gib, free: 50 * gib, files: 0, freeFiles: 0 },
    probes: 0,
  };
  const check = async (): Promise<void> => {
    stores.probes += 1;
    if (stores.error !== undefined) throw stores.error;
  };
  const content: Pick<ContentStore, 'check' | 'room'> = { check, room: async () => stores.room };
  const metadata: Pick<MetadataStore, 'check'> = { check };
  const health = new StoreHealth({ content, metadata, clock, logger });
  const fail = (code: StoreErrorCode): void => {
    stores.error = new StoreError(code, 'no');
    health.failed(stores.error);
  };
  return {
    clock,
    health,
    stores,
    fail,
    messages: () => lines.map(({ level, msg }) => ({ level, msg })),
    lines,
  };
}

const seconds = 1000;

describe('the health of the stores', () => {
  it('is told in one line when it is lost, and in one when it is back, which is found out within 5 s', async () => {
    const { clock, health, stores, fail, messages } = patient();
    for (let times = 0; times < 50; times += 1) fail('NOT_WRITABLE');
    await clock.advance(60 * seconds);
    expect(health.healthy).toBe(false);

    stores.error = undefined;
    await clock.advance(5 * seconds);

    expect(health.healthy).toBe(true);
    expect(health.problems).toEqual([]);
    expect(messages()).toEqual([
      {
        level: 50,
        msg: 'the cache has failed: the data folder cannot be written to; pulls pass through without being stored, until it works again',
      },
      { level: 30, msg: 'the cache works again: what is pulled is stored' },
    ]);
    await health[Symbol.asyncDispose]();
  });

  it.each(['NO_SPACE', 'NOT_WRITABLE', 'LOCKED', 'IO', 'CORRUPT'] as const)(
    'is lost by %s, which is a problem of one line',
    async (code) => {
      const { health, fail } = patient();

      fail(code);

      expect(health.healthy).toBe(false);
      expect(health.problems).toEqual([expect.stringMatching(new RegExp(`^nothing is cached: .*${code}`))]);
      await health[Symbol.asyncDispose]();
    },
  );

  it.each(['DIGEST_MISMATCH', 'INGEST_BUSY'] as const)('is not lost by %s', (code) => {
    const { health, fail } = patient();

    fail(code);

    expect(health.healthy).toBe(true);
  });

  it('that is back is told once to who keeps figures of the disk', async () => {
    const { clock, health, stores, fail } = patient();
    let told = 0;
    health.onRecovery(() => (told += 1));
    fail('NO_SPACE');
    await clock.advance(30 * seconds);
    expect(told).toBe(0);

    stores.error = undefined;
    await clock.advance(30 * seconds);

    expect(told).toBe(1);
    await health[Symbol.asyncDispose]();
  });

  it('does nothing while it is good', async () => {
    const { clock, stores } = patient();
    await clock.advance(60 * seconds);
    expect(stores.probes).toBe(0);
    expect(clock.sleeping).toBe(0);
  });

  it('after a full disk takes more than a small file that can be written', async () => {
    const { clock, health, stores, fail } = patient();
    fail('NO_SPACE');
    stores.error = undefined;
    stores.room = { ...stores.room, free: 4096 };
    await clock.advance(5 * seconds);
    expect(health.healthy).toBe(false);

    stores.room = { ...stores.room, free: gib };
    await clock.advance(5 * seconds);

    expect(health.healthy).toBe(true);
    await health[Symbol.asyncDispose]();
  });

  it('that is lost again and again is trusted ever later, so that the log stays short', async () => {
    const { clock, health, stores, fail, messages } = patient();
    for (let passed = 0; passed < 10 * 60; passed += 5) {
      if (health.healthy) fail('LOCKED');
      stores.error = undefined;
      await clock.advance(5 * seconds);
    }

    expect(messages().length).toBeLessThan(40);
    expect(messages().length).toBeGreaterThan(10);
    await health[Symbol.asyncDispose]();
  });

  it('tells each full disk to whoever can make room', async () => {
    const { clock, health, fail } = patient();
    let told = 0;
    health.onFull(() => {
      told += 1;
    });

    fail('LOCKED');
    fail('NO_SPACE');
    fail('NO_SPACE');
    expect(told).toBe(1);
    await clock.advance(5 * seconds);
    expect(told).toBe(2);
    await health[Symbol.asyncDispose]();
  });

  it('counts a want of room as a problem, told once and taken back once', () => {
    const { health, messages } = patient();

    health.outOfRoom('nothing new is cached: too little is free');
    health.outOfRoom('nothing new is cached: even less is free');
    expect(health.problems).toEqual(['nothing new is cached: even less is free']);
    health.outOfRoom(undefined);
    health.outOfRoom(undefined);

    expect(health.problems).toEqual([]);
    expect(messages()).toEqual([
      { level: 40, msg: 'nothing new is cached: too little is free' },
      { level: 30, msg: 'there is room for new blobs again' },
    ]);
  });
});
