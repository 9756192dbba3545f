import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HtpasswdFile } from '../../../../src/http/auth/htpasswd-file.ts';
import { costOf } from '../../../../src/http/auth/htpasswd.ts';
import { Passwords } from '../../../../src/http/auth/passwords.ts';
import { logLines } from '../../../support/log-lines.ts';
import { TempFolder } from '../../../support/temp-folder.ts';
import { TestClock } from '../../../support/test-clock.ts';

const hash = '$2y$09$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy';
const alice = { username: 'alice', password: 'right' };

let folder: TempFolder;
let clock: TestClock;
let file: HtpasswdFile;
/** Hashes that were compared with. */
let compared: string[];
let passwords: Passwords;

beforeEach(async () => {
  folder = await TempFolder.create();
  clock = new TestClock();
  const path = folder.join('htpasswd');
  await writeFile(path, `alice:${hash}\n`);
  file = await HtpasswdFile.open({ path, clock, logger: logLines().logger });
  compared = [];
  const compare = async (password: string, against: string): Promise<boolean> => {
    compared.push(against);
    await Promise.resolve();
    return password === 'right';
  };
  passwords = new Passwords(file, { compare }, clock);
});

afterEach(async () => {
  await folder.remove();
});

describe('a password', () => {
  test('is right or wrong', async () => {
    expect(await passwords.check(alice, 'c')).toBe('right');
    expect(await passwords.check({ ...alice, password: 'no' }, 'c')).toBe('wrong');
  });

  test('that is shown thirty times, at once or one after the other, costs one bcrypt', async () => {
    await Promise.all(Array.from({ length: 15 }, () => passwords.check(alice, 'c')));
    for (let index = 0; index < 15; index += 1) await passwords.check(alice, 'c');
    expect(compared).toHaveLength(1);
  });

  test('that is wrong is remembered like one that is right', async () => {
    for (let index = 0; index < 3; index += 1) await passwords.check({ ...alice, password: 'no' }, 'c');
    expect(compared).toHaveLength(1);
  });

  test('is checked again after five minutes', async () => {
    await passwords.check(alice, 'c');
    await clock.advance(5 * 60_000 - 1);
    await passwords.check(alice, 'c');
    expect(compared).toHaveLength(1);
    await clock.advance(1);
    await passwords.check(alice, 'c');
    expect(compared).toHaveLength(2);
  });

  test('is checked again at once when its hash changes', async () => {
    await passwords.check(alice, 'c');
    const other = hash.replace('$09$', '$08$');
    await writeFile(folder.join('htpasswd'), `alice:${other}\nbob:${hash}\n`);
    await file.reload();
    await passwords.check(alice, 'c');
    expect(compared).toStrictEqual([hash, other]);
  });

  test('whose check failed is not remembered', async () => {
    let failing = true;
    const compare = (): Promise<boolean> =>
      failing ? Promise.reject(new Error('too many')) : Promise.resolve(true);
    passwords = new Passwords(file, { compare }, clock);
    await expect(passwords.check(alice, 'c')).rejects.toThrow('too many');
    failing = false;
    expect(await passwords.check(alice, 'c')).toBe('right');
  });
});

test('a name that is not there costs a bcrypt as dear as one that is, and is never right', async () => {
  expect(await passwords.check({ username: 'mallory', password: 'right' }, 'c')).toBe('unknown');
  expect(compared.map(costOf)).toStrictEqual([9]);
});

test('names and passwords that join to the same text are not taken for one another', async () => {
  await passwords.check({ username: 'a', password: 'b:c' }, 'c');
  await passwords.check({ username: 'a:b', password: 'c' }, 'c');
  expect(compared).toHaveLength(2);
});
