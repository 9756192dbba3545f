import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { busyTimeout, LockTimeout } from '../../../src/store/sqlite/lock-timeout.ts';
import { TestClock } from '../../support/test-clock.ts';

const locked = new Database.SqliteError('database is locked', 'SQLITE_BUSY');
const full = new Database.SqliteError('database or disk is full', 'SQLITE_FULL');

/** A database that says how long each write would wait for a lock. */
function patience() {
  const clock = new TestClock();
  const database = new Database(':memory:', { timeout: busyTimeout });
  const subject = new LockTimeout(database, clock);
  const write = (error?: Error): unknown => {
    let waits: unknown;
    try {
      subject.run(() => {
        waits = database.pragma('busy_timeout', { simple: true });
        if (error !== undefined) throw error;
      });
    } catch (thrown) {
      if (thrown !== error) throw thrown;
    }
    return waits;
  };
  return { clock, write };
}

it('waits for a lock once in five seconds, however many writes meet it', async () => {
  const { clock, write } = patience();
  expect(write(locked)).toBe(busyTimeout);
  expect(write(locked)).toBe(0);
  await clock.advance(4999);
  expect(write(locked)).toBe(0);
  await clock.advance(1);
  expect(write(locked)).toBe(busyTimeout);
  expect(write(locked)).toBe(0);
});

it('waits again as soon as a write has gone through, whatever the clock was set to', () => {
  const { clock, write } = patience();
  write(locked);
  clock.set(-86_400_000);
  expect(write()).toBe(0);
  expect(write(locked)).toBe(busyTimeout);
});

it('goes on waiting after trouble that is no lock', () => {
  const { write } = patience();
  write(full);
  expect(write()).toBe(busyTimeout);
});
