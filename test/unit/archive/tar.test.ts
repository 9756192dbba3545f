import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { Header } from 'tar/header';
import { tarEnd, tarHeader, tarPadding } from '../../../src/archive/tar.ts';
import { TempFolder } from '../../support/temp-folder.ts';

const sha256 = `blobs/sha256/${'a'.repeat(64)}`;
const sha384 = `blobs/sha384/${'b'.repeat(96)}`;
const sha512 = `blobs/sha512/${'c'.repeat(128)}`;

it('is read by GNU tar, whatever the names, without owner, time or folder', async () => {
  await using folder = await TempFolder.create();
  const entries = ['oci-layout', sha256, sha384, sha512].flatMap((name, index) => [
    tarHeader(name, index),
    Buffer.alloc(index, 'x'),
    Buffer.alloc(tarPadding(index)),
  ]);
  await writeFile(folder.join('a.tar'), Buffer.concat([...entries, tarEnd]));
  const listed = execFileSync('tar', ['--numeric-owner', '--utc', '-tvf', folder.join('a.tar')]).toString();
  expect(
    listed
      .trim()
      .split('\n')
      .map((line) => line.split(/\s+/)),
  ).toEqual(
    ['oci-layout', sha256, sha384, sha512].map((name, index) => [
      '-rw-r--r--',
      '0/0',
      String(index),
      '1970-01-01',
      '00:00',
      name,
    ]),
  );
});

it('has one block a header, and the PAX header that ustar needs for the name of a SHA-512 only', () => {
  expect([sha256, sha384, sha512].map((name) => tarHeader(name, 1).length)).toEqual([512, 512, 1536]);
});

it('states a size of more than 8 GiB', () => {
  const size = 20 * 1024 ** 3 + 7;
  expect(new Header(tarHeader(sha256, size)).size).toBe(size);
});

it('is the same for the same name and size', () => {
  expect(tarHeader(sha256, 5)).toEqual(tarHeader(sha256, 5));
});
