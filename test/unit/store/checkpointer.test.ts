import Database from 'better-sqlite3';
import { statSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { Checkpointer, startCheckpointWorker } from '../../../src/store/sqlite/checkpointer.ts';
import { eventually } from '../../support/deadline.ts';
import { TempFolder } from '../../support/temp-folder.ts';

/** A database in a new folder whose checkpoints are nobody's work but the subject's. */
async function makeDatabase(startWorker: () => Worker = startCheckpointWorker) {
  const folder = await TempFolder.create();
  const database = new Database(folder.join('metadata.db'));
  database.pragma('journal_mode = WAL');
  database.pragma('wal_autocheckpoint = 0');
  database.exec('CREATE TABLE written (bytes BLOB)');
  const subject = new Checkpointer(database, startWorker);
  return {
    subject,
    write: (pages: number) => {
      database.prepare('INSERT INTO written VALUES (zeroblob(?))').run(pages * 4096);
      subject.afterWrite();
    },
    /** Pages that are in the database itself: only a checkpoint brings more there. */
    checkpointed: () => statSync(database.name).size / 4096,
    async [Symbol.asyncDispose]() {
      await subject[Symbol.asyncDispose]();
      database.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

it('brings a long log into the database on another thread, while writes go on', async () => {
  await using log = await makeDatabase();
  const before = log.checkpointed();
  log.write(600);
  expect(log.checkpointed()).toBe(before);
  log.write(1);
  await eventually(60_000, 'a checkpoint', () => log.checkpointed() > 600);
  log.write(600);
  await eventually(60_000, 'another checkpoint', () => {
    log.write(0);
    return log.checkpointed() > 1200;
  });
});

it('leaves a short log alone, and starts no thread for it', async () => {
  let started = 0;
  await using log = await makeDatabase(() => {
    started += 1;
    return startCheckpointWorker();
  });
  log.write(100);
  expect(started).toBe(0);
  log.write(500);
  log.write(500);
  expect(started).toBe(1);
});

it('starts another thread when one has failed', async () => {
  let started = 0;
  await using log = await makeDatabase(() => {
    started += 1;
    return started === 1 ? new Worker('throw new Error("no")', { eval: true }) : startCheckpointWorker();
  });
  log.write(600);
  await eventually(60_000, 'a second thread', () => {
    log.write(0);
    return started === 2;
  });
  await eventually(60_000, 'a checkpoint', () => log.checkpointed() > 600);
  expect(started).toBe(2);
});

it('starts none once it is closed', async () => {
  let started = 0;
  await using log = await makeDatabase(() => {
    started += 1;
    return startCheckpointWorker();
  });
  await log.subject[Symbol.asyncDispose]();
  log.write(600);
  expect(started).toBe(0);
});
