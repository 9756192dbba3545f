import { once } from 'node:events';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import type { Finding } from '../../../src/cli/doctor/check.ts';
import type { SpaceLimits } from '../../../src/cache/space/limits.ts';
import { checkDataFolder, type FileSystem } from '../../../src/cli/doctor/data-folder-check.ts';
import { checkDatabase } from '../../../src/cli/doctor/database-check.ts';
import { checkLimits } from '../../../src/cli/doctor/limits-check.ts';
import { checkPorts, type Listening } from '../../../src/cli/doctor/port-check.ts';
import { FolderLock } from '../../../src/store/sqlite/folder-lock.ts';
import { SqliteMetadataStore } from '../../../src/store/sqlite/metadata-store.ts';
import type { ListenAddress } from '../../../src/http/server.ts';
import { systemClock } from '../../../src/base/system-clock.ts';
import { selfSigned } from '../../support/self-signed.ts';
import { TempFolder } from '../../support/temp-folder.ts';

const gib = 2 ** 30;
const signal = new AbortController().signal;

const roomy: FileSystem = { type: 0xef53, size: 100 * gib, free: 50 * gib, files: 1e6, freeFiles: 9e5 };

function disk(difference: Partial<FileSystem>): () => Promise<FileSystem> {
  return () => Promise.resolve({ ...roomy, ...difference });
}

const noLimits: SpaceLimits = { maxsize: undefined, minfree: { bytes: 0 } };
const tenth: SpaceLimits = { maxsize: undefined, minfree: { percent: 10 } };

function levels(findings: readonly Finding[]): readonly string[] {
  return findings.map(({ level }) => level);
}

const checkPort = (addr: ListenAddress, more: Partial<Listening> = {}): ReturnType<typeof checkPorts> =>
  checkPorts([{ key: 'http.addr', addr, secure: false, wantsCertificate: false, ...more }], signal);

describe('the check of the data folder', () => {
  it('is content with a folder that has room, and leaves nothing there', async () => {
    await using folder = await TempFolder.create();

    const findings = await checkDataFolder(folder.path, noLimits, disk({}));

    expect(findings).toEqual([{ level: 'ok', message: `${folder.path}, 50.0 GiB of 100.0 GiB free` }]);
    expect(await readdir(folder.path)).toEqual([]);
  });

  it('is content with one that can be made', async () => {
    await using folder = await TempFolder.create();

    const [finding] = await checkDataFolder(folder.join('a', 'b'), noLimits, disk({}));

    expect(finding?.level).toBe('ok');
    expect(finding?.message).toContain('will be made');
    expect(await readdir(folder.path)).toEqual([]);
  });

  it.each([
    ['little room', { free: 0.9 * gib }, ['problem']],
    ['not much room', { free: 4 * gib }, ['warning']],
    ['much room on a large disk, though a small part of it', { size: 1000 * gib, free: 20 * gib }, ['ok']],
    ['hardly an inode', { freeFiles: 500 }, ['ok', 'problem']],
    ['few inodes', { freeFiles: 5000 }, ['ok', 'warning']],
    ['no fixed number of inodes', { files: 0, freeFiles: 0 }, ['ok']],
    ['NFS', { type: 0x6969 }, ['ok', 'warning']],
    ['SMB', { type: 0xfe534d42 }, ['ok', 'warning']],
    ["a container's own layer", { type: 0x794c7630 }, ['ok', 'warning']],
    ['memory', { type: 0x01021994 }, ['ok', 'warning']],
  ])('judges %s', async (_, difference, expected) => {
    await using folder = await TempFolder.create();

    const findings = await checkDataFolder(folder.path, noLimits, disk(difference));

    expect(levels(findings)).toEqual(expected);
    for (const { level, advice } of findings) expect(advice !== undefined).toBe(level !== 'ok');
  });

  it('says how much is for images at most', async () => {
    await using folder = await TempFolder.create();

    const [finding] = await checkDataFolder(folder.path, { ...noLimits, maxsize: { percent: 20 } }, disk({}));

    expect(finding?.message).toContain(', 20.0 GiB for images at most');
  });

  it('warns when less is free than is to stay free, since images go for it', async () => {
    await using folder = await TempFolder.create();

    const [finding] = await checkDataFolder(folder.path, tenth, disk({ free: 9 * gib }));

    expect(finding).toMatchObject({
      level: 'warning',
      message: `${folder.path}, 9.0 GiB of 100.0 GiB free, and storage.minfree keeps 10.0 GiB so`,
    });
  });

  it('finds that nothing would ever be stored in a new folder', async () => {
    await using folder = await TempFolder.create();

    const [finding] = await checkDataFolder(folder.join('new'), tenth, disk({ free: 10 * gib }));

    expect(finding).toMatchObject({
      level: 'problem',
      advice: expect.stringContaining('nothing would be stored') as string,
    });
  });

  it.each([
    ['is content with a cache that takes all that it may', '.', 'ok'],
    ['counts as room what need not stay free, in a new folder', 'new', 'problem'],
  ])('%s', async (_, path, expected) => {
    await using folder = await TempFolder.create();

    const [finding] = await checkDataFolder(folder.join(path), tenth, disk({ free: 10.5 * gib }));

    expect(finding?.level).toBe(expected);
  });

  it.each(['file', 'file/data'])('finds that a file is in the way of %s', async (path) => {
    await using folder = await TempFolder.create();
    await writeFile(folder.join('file'), '');

    const [finding] = await checkDataFolder(folder.join(path), noLimits, disk({}));

    expect(finding).toMatchObject({ level: 'problem', message: `${folder.join('file')} is not a folder` });
  });

  it('finds that nothing can be written there', async () => {
    const [finding] = await checkDataFolder('/proc/entrepot', noLimits, disk({}));

    expect(finding?.level).toBe('problem');
    expect(finding?.message).toMatch(/^\/proc cannot be written to/);
  });
});

describe('the check of the metadata', () => {
  it('is content with none', async () => {
    await using folder = await TempFolder.create();

    expect(await checkDatabase(folder.path)).toEqual([{ level: 'ok', message: 'none yet' }]);
  });

  it('is content with a database that a running mirror has open, and does not disturb it', async () => {
    await using folder = await TempFolder.create();
    const lock = await FolderLock.take(folder.path);
    const store = await SqliteMetadataStore.open(folder.join('metadata.sqlite'), systemClock());

    expect(levels(await checkDatabase(folder.path))).toEqual(['ok']);

    await store.close();
    lock.release();
  });

  it('finds one that a newer version wrote', async () => {
    await using folder = await TempFolder.create();
    const database = new Database(folder.join('metadata.sqlite'));
    database.pragma('user_version = 1000');
    database.close();

    const [finding] = await checkDatabase(folder.path);

    expect(finding?.level).toBe('problem');
    expect(finding?.message).toContain('written by a newer version of Entrepot');
  });

  it('finds one that is none', async () => {
    await using folder = await TempFolder.create();
    await writeFile(folder.join('metadata.sqlite'), 'no database at all '.repeat(100));

    const [finding] = await checkDatabase(folder.path);

    expect(finding?.level).toBe('problem');
    expect(finding?.message).toContain('SQLITE_NOTADB');
  });

  it('finds a folder in its place', async () => {
    await using folder = await TempFolder.create();
    await mkdir(folder.join('metadata.sqlite'));

    expect(levels(await checkDatabase(folder.path))).toEqual(['problem']);
  });
});

describe('the check of the port', () => {
  it('is content with a free one', async () => {
    const findings = await checkPort({ host: '127.0.0.1', port: 0 });

    expect(levels(findings)).toEqual(['ok']);
  });

  it('names the program that has taken it', async () => {
    const other = createServer((socket) => socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'));
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;

    const [finding] = await checkPort({ host: '127.0.0.1', port });

    expect(finding?.level).toBe('problem');
    expect(finding?.message).toContain(`${port} on 127.0.0.1 is taken by`);
    expect(finding?.message).toContain(`(pid ${process.pid})`);
    other.close();
  });

  it.each([
    ['in plain text', 'hello'],
    ['as any page', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'],
    ['at great length', `HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n{"status":"ok"}`],
  ])('does not take for Entrepot what answers %s', async (_, answer) => {
    const other = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.end(answer);
    });
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;

    expect(levels(await checkPort({ host: '127.0.0.1', port }))).toEqual(['problem']);
    other.close();
  });

  it.each([
    ['finds nothing wrong with a server that wants certificates where the mirror would', true, 'ok'],
    ['sees that a server that wants certificates is not the mirror, which would not', false, 'problem'],
  ])('%s', async (_, wantsCertificate, level) => {
    const { key, cert } = selfSigned;
    const other = createTlsServer({ key, cert, ca: cert, requestCert: true, rejectUnauthorized: true });
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;

    const findings = await checkPort({ host: '127.0.0.1', port }, { secure: true, wantsCertificate });

    expect(levels(findings)).toEqual([level]);
    other.close();
  });

  it('names the key of an address that is taken', async () => {
    const other = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const findings = await checkPort({ host: '127.0.0.1', port }, { key: 'upstreams.ghcr.io.listen' });

    const [finding] = findings;

    expect(finding?.advice).toBe('stop it, or choose another upstreams.ghcr.io.listen');
    other.close();
  });

  it('finds an address that is not of this machine', async () => {
    const [finding] = await checkPort({ host: '192.0.2.77', port: 0 });

    expect(finding).toMatchObject({
      level: 'problem',
      message: '192.0.2.77 is not an address of this machine',
    });
  });
});

describe('the check of the limits', () => {
  it.each([
    [20_000, ['ok', 'ok']],
    [Infinity, ['ok', 'ok']],
    [1024, ['warning', 'ok']],
    [256, ['problem', 'ok']],
    [undefined, ['ok']],
  ])('judges %s open files', async (openFiles, expected) => {
    const findings = await checkLimits(() => Promise.resolve({ openFiles, memory: gib }));

    expect(levels(findings)).toEqual(expected);
  });

  it('warns of little memory', async () => {
    const findings = await checkLimits(() =>
      Promise.resolve({ openFiles: undefined, memory: 100 * 2 ** 20 }),
    );

    expect(findings).toMatchObject([{ level: 'warning', message: '100 MiB of memory' }]);
  });

  it('can be told by this machine', async () => {
    expect((await checkLimits()).length).toBeGreaterThan(0);
  });
});
