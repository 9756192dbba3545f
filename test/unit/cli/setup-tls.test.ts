import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { setupTls, type SetupTlsOptions } from '../../../src/cli/setup-tls/setup-tls.ts';
import { machineNames, parseSubjectName } from '../../../src/cli/setup-tls/subject-name.ts';
import { selfSigned } from '../../support/self-signed.ts';
import { TempFolder } from '../../support/temp-folder.ts';

const dayMs = 24 * 60 * 60 * 1000;

async function run(folder: TempFolder, options: Partial<SetupTlsOptions> = {}, now = Date.now()) {
  let out = '';
  let err = '';
  const code = await setupTls(
    { host: [], out: folder.join('tls'), days: '825', port: '5000', ...options },
    { out: (text) => void (out += text), err: (text) => void (err += text), interactive: false },
    { now: () => now, monotonic: () => now, sleep: () => Promise.resolve() },
  );
  return { code, out, err };
}

async function text(folder: TempFolder, name: string): Promise<string> {
  return readFile(folder.join('tls', name), 'utf8');
}

async function certificate(folder: TempFolder, name: string): Promise<X509Certificate> {
  return new X509Certificate(await text(folder, name));
}

/** What a client that trusts the authority alone thinks of the server under the name. */
async function handshake(folder: TempFolder, servername: string): Promise<string> {
  const server = createServer({
    cert: await text(folder, 'server.crt'),
    key: await text(folder, 'server.key'),
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const socket = connect({ host: '127.0.0.1', port, servername, ca: await text(folder, 'ca.crt') });
  try {
    await once(socket, 'secureConnect');
    return 'trusted';
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'no code';
  } finally {
    socket.destroy();
    server.close();
  }
}

describe('setup tls', () => {
  it('makes a certificate that clients of its authority trust, for the names given and those of the machine', async () => {
    await using folder = await TempFolder.create();

    expect(
      await run(folder, { host: ['mirror.lan', '*.pull.lan', '192.0.2.7', '[2001:db8::7]'] }),
    ).toMatchObject({
      code: 0,
      err: '',
    });

    for (const name of ['mirror.lan', 'a.pull.lan', 'localhost']) {
      expect(await handshake(folder, name), name).toBe('trusted');
    }
    expect(await handshake(folder, 'other.lan')).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
    const server = await certificate(folder, 'server.crt');
    for (const address of ['192.0.2.7', '2001:db8::7', '127.0.0.1', '::1']) {
      expect(server.checkIP(address), address).toBe(address);
    }
    expect(server.subject).toBe('CN=mirror.lan');
  });

  it('makes an authority for servers alone, which cannot pass its right on', async () => {
    await using folder = await TempFolder.create();
    await run(folder);

    const authority = await certificate(folder, 'ca.crt');
    const server = await certificate(folder, 'server.crt');

    expect(authority.ca).toBe(true);
    // basicConstraints: an authority, pathLenConstraint 0.
    expect(authority.raw.toString('hex')).toContain('0603551d130101ff040830060101ff020100');
    expect(authority.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    expect(server.ca).toBe(false);
    expect(server.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    expect(server.checkIssued(authority)).toBe(true);
    expect(server.verify(authority.publicKey)).toBe(true);
  });

  it.each([
    ['825', 825],
    ['30', 30],
  ])('with --days %s issues for that long, from a day ago on', async (days, expected) => {
    await using folder = await TempFolder.create();
    const now = Date.UTC(2031, 4, 6);
    await run(folder, { days }, now);

    const { validFromDate, validToDate } = await certificate(folder, 'server.crt');

    expect(validFromDate.getTime()).toBe(now - dayMs);
    expect(validToDate.getTime() - validFromDate.getTime()).toBe(expected * dayMs);
  });

  it('never issues beyond the life of the authority', async () => {
    await using folder = await TempFolder.create();
    await run(folder);
    const authority = await certificate(folder, 'ca.crt');
    await run(folder, {}, authority.validToDate.getTime() - 30 * dayMs);

    expect((await certificate(folder, 'server.crt')).validToDate).toEqual(authority.validToDate);
  });

  it('keeps keys from everyone else', async () => {
    await using folder = await TempFolder.create();
    await run(folder);

    for (const [name, mode] of [
      ['ca.key', 0o600],
      ['server.key', 0o600],
      ['ca.crt', 0o644],
      ['server.crt', 0o644],
    ] as const) {
      expect((await stat(folder.join('tls', name))).mode & 0o777, name).toBe(mode);
    }
  });

  it('issues a new certificate for the same key from the same authority when run again', async () => {
    await using folder = await TempFolder.create();
    expect((await run(folder)).out).toContain('Made the certificate authority');
    const before = await Promise.all(
      ['ca.key', 'ca.crt', 'server.key', 'server.crt'].map((name) => text(folder, name)),
    );

    expect((await run(folder, { host: ['new.lan'] })).out).toContain('Kept the certificate authority');

    const after = await Promise.all(
      ['ca.key', 'ca.crt', 'server.key', 'server.crt'].map((name) => text(folder, name)),
    );
    expect(after.slice(0, 3)).toEqual(before.slice(0, 3));
    expect(after[3]).not.toBe(before[3]);
    expect(await handshake(folder, 'new.lan')).toBe('trusted');
  });

  it('replaces all with --force, and the new authority is told from the old one by its name', async () => {
    await using folder = await TempFolder.create();
    await run(folder);
    const before = await certificate(folder, 'ca.crt');
    const key = await text(folder, 'server.key');

    expect((await run(folder, { force: true })).code).toBe(0);

    expect((await certificate(folder, 'ca.crt')).subject).not.toBe(before.subject);
    expect(await text(folder, 'server.key')).not.toBe(key);
    expect(await handshake(folder, 'localhost')).toBe('trusted');
  });

  it.each([[['server.crt']], [['server.crt', 'server.key']], [['server.crt', 'server.key', 'ca.crt']]])(
    'completes what a crash left unfinished, without %j',
    async (missing) => {
      await using folder = await TempFolder.create();
      await run(folder);
      const key = await text(folder, 'ca.key');
      for (const name of missing) await rm(folder.join('tls', name));

      expect((await run(folder)).code).toBe(0);

      expect(await text(folder, 'ca.key')).toBe(key);
      expect(await handshake(folder, 'localhost')).toBe('trusted');
      expect(await readdir(folder.join('tls'))).toHaveLength(4);
    },
  );

  it.each([
    ['without its key', 'ca.key', undefined, /without its key .*ca\.key: put it back, or use --force/],
    ['with the key of another one', 'ca.key', selfSigned.key, /the key is not that of the certificate/],
    ['with a key that is none', 'ca.key', 'nonsense', /the key cannot be parsed/],
    ['with a certificate that is none', 'ca.crt', 'nonsense', /the certificate cannot be parsed/],
    [
      'with a server key that is none',
      'server.key',
      'nonsense',
      /server\.key cannot be used: the key cannot be parsed/,
    ],
  ])('leaves an authority %s alone and says what to do', async (_, name, content, complaint) => {
    await using folder = await TempFolder.create();
    await run(folder);
    const before = await text(folder, 'server.crt');
    if (content === undefined) await rm(folder.join('tls', name));
    else await writeFile(folder.join('tls', name), content);

    const { code, out, err } = await run(folder);

    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(complaint);
    expect(await text(folder, 'server.crt')).toBe(before);
  });

  it('refuses an authority that has expired', async () => {
    await using folder = await TempFolder.create();
    await run(folder);

    const { code, err } = await run(folder, {}, Date.now() + 3651 * dayMs);

    expect(code).toBe(1);
    expect(err).toMatch(/the certificate has expired; use --force/);
  });

  it('tells where each client wants the authority, with the first name and the port', async () => {
    await using folder = await TempFolder.create();

    const { out } = await run(folder, { host: ['mirror.lan'], port: '5443' });

    for (const line of [
      `certificate: ${folder.join('tls', 'server.crt')}`,
      'kill -HUP',
      '/etc/docker/certs.d/mirror.lan:5443/ca.crt',
      '/etc/containers/certs.d/mirror.lan:5443/ca.crt',
      '[host."https://mirror.lan:5443"]',
      '[registry."mirror.lan:5443"]',
      'ca_file:',
      'update-ca-certificates',
      'update-ca-trust',
      'kind get nodes',
    ]) {
      expect(out).toContain(line);
    }
    expect(out).not.toContain('PRIVATE KEY');
  });

  it.each([
    [{ host: ['mirror.lan:5000'] }, /--host mirror\.lan:5000: neither a host name nor an IP address/],
    [{ days: '826' }, /--days 826: expected a whole number from 1 to 825/],
    [{ days: 'soon' }, /--days soon/],
    [{ port: '70000' }, /--port 70000/],
  ])('answers %j with exit code 2, having made nothing', async (options, complaint) => {
    await using folder = await TempFolder.create();

    const { code, err } = await run(folder, options);

    expect(code).toBe(2);
    expect(err).toMatch(complaint);
    expect(await readdir(folder.path)).toEqual([]);
  });

  it('says so when it cannot write there', async () => {
    await using folder = await TempFolder.create();
    await writeFile(folder.join('file'), '');

    const { code, err } = await run(folder, { out: folder.join('file', 'tls') });

    expect(code).toBe(1);
    expect(err).toMatch(/^entrepot: cannot write to .*file\/tls: ENOTDIR\n$/);
  });
});

describe('a name for a certificate', () => {
  it.each([
    ['Mirror.LAN.', { type: 'dns', value: 'mirror.lan' }],
    ['*.mirror.lan', { type: 'dns', value: '*.mirror.lan' }],
    ['münchen.example', { type: 'dns', value: 'xn--mnchen-3ya.example' }],
    ['10.0.0.5', { type: 'ip', value: '10.0.0.5' }],
    ['[FD00::1]', { type: 'ip', value: 'fd00::1' }],
  ])('is read from %s', (text, name) => {
    expect(parseSubjectName(text)).toEqual(name);
  });

  it.each(['', 'a b', 'a:5000', 'http://a', '10.0.0.256', 'a..b', '*', 'a.*', '-a', 'fe80::1%eth0', 'a/b'])(
    'is not %j',
    (text) => {
      expect(parseSubjectName(text)).toBeUndefined();
    },
  );

  it('of this machine is its host name and its addresses, without those that only a link knows', () => {
    const address = (text: string, internal = false) => ({
      address: text,
      netmask: '',
      family: 'IPv4' as const,
      mac: '',
      internal,
      cidr: null,
    });
    const names = machineNames('build-7', {
      lo: [address('127.0.0.1', true)],
      eth0: [address('10.0.0.5'), address('fe80::1'), address('169.254.0.9'), address('2001:db8::5')],
    });

    expect(names.map(({ value }) => value)).toEqual([
      'build-7',
      'localhost',
      '10.0.0.5',
      '2001:db8::5',
      '127.0.0.1',
      '::1',
    ]);
  });
});
