import { rm, utimes, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { HtpasswdFile } from '../../../../src/http/auth/htpasswd-file.ts';
import { logLines } from '../../../support/log-lines.ts';
import { TempFolder } from '../../../support/temp-folder.ts';
import { TestClock } from '../../../support/test-clock.ts';

const hash = '$2y$05$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy';

let folder: TempFolder;
let clock: TestClock;
let log: ReturnType<typeof logLines>;

beforeEach(async () => {
  folder = await TempFolder.create();
  clock = new TestClock();
  log = logLines();
});

afterEach(async () => {
  await folder.remove();
});

let writes = 0;

/** Each with a date of its own: two writes may fall into one tick of the disk's clock. */
async function write(text: string): Promise<string> {
  const path = folder.join('htpasswd');
  await writeFile(path, text);
  writes += 1;
  await utimes(path, 1_000_000 + writes, 1_000_000 + writes);
  return path;
}

async function names(file: HtpasswdFile): Promise<string[]> {
  return [...(await file.accounts()).keys()];
}

test('accounts that are added count within a second, those removed no more', async () => {
  const path = await write(`alice:${hash}`);
  const file = await HtpasswdFile.open({ path, clock, logger: log.logger });
  expect(await names(file)).toStrictEqual(['alice']);
  await write(`bob:${hash}`);
  expect(await names(file)).toStrictEqual(['alice']);
  await clock.advance(1000);
  expect(await names(file)).toStrictEqual(['bob']);
});

test('a reload looks at once', async () => {
  const path = await write(`alice:${hash}`);
  const file = await HtpasswdFile.open({ path, clock, logger: log.logger });
  await write(`bob:${hash}`);
  await file.reload();
  expect(await names(file)).toStrictEqual(['bob']);
});

test('a change for the worse is logged once, and the accounts stay', async () => {
  const path = await write(`alice:${hash}`);
  const file = await HtpasswdFile.open({ path, clock, logger: log.logger });
  await write('alice:{SHA}secret');
  for (let index = 0; index < 3; index += 1) {
    await clock.advance(1000);
    expect(await names(file)).toStrictEqual(['alice']);
  }
  expect(log.lines).toHaveLength(1);
  expect(log.lines[0]).toMatchObject({ level: 50, reason: expect.stringContaining('line 1') as unknown });
  expect(JSON.stringify(log.lines)).not.toContain('secret');
});

test('a file that is gone leaves the accounts as they were, and is read when it is back', async () => {
  const path = await write(`alice:${hash}`);
  const file = await HtpasswdFile.open({ path, clock, logger: log.logger });
  await rm(path);
  for (let index = 0; index < 3; index += 1) {
    await clock.advance(1000);
    expect(await names(file)).toStrictEqual(['alice']);
  }
  expect(log.lines).toMatchObject([{ level: 50, reason: `${path} cannot be read (ENOENT)` }]);
  await write(`bob:${hash}`);
  await clock.advance(1000);
  expect(await names(file)).toStrictEqual(['bob']);
});

test('a file that cannot be read is told at the start', async () => {
  const path = folder.join('none');
  await expect(HtpasswdFile.open({ path, clock, logger: log.logger })).rejects.toThrow(
    'cannot be read (ENOENT)',
  );
});
