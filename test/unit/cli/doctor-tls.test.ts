import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { Finding } from '../../../src/cli/doctor/check.ts';
import { checkTls } from '../../../src/cli/doctor/tls-check.ts';
import { CertificateAuthority } from '../../../src/cli/setup-tls/certificate-authority.ts';
import { newKey } from '../../../src/cli/setup-tls/private-key.ts';
import type { Clock } from '../../../src/base/clock.ts';
import { TempFolder } from '../../support/temp-folder.ts';

const dayMs = 24 * 60 * 60 * 1000;

function levels(findings: readonly Finding[]): readonly string[] {
  return findings.map(({ level }) => level);
}

describe('the check of the certificate', () => {
  const issuedAt = Date.UTC(2030, 0, 10);
  const at = (now: number): Clock => ({
    now: () => now,
    monotonic: () => now,
    sleep: () => Promise.resolve(),
  });

  async function examined({
    now = issuedAt,
    machine = 'mirror.lan',
    otherKey = false,
  }: {
    now?: number;
    machine?: string;
    otherKey?: boolean;
  }): Promise<readonly Finding[]> {
    await using folder = await TempFolder.create();
    const key = newKey();
    const authority = await CertificateAuthority.create('test', newKey(), issuedAt);
    const { certificate } = await authority.issue(key, [{ type: 'dns', value: 'mirror.lan' }], 100, issuedAt);
    await writeFile(folder.join('crt'), certificate);
    await writeFile(folder.join('key'), otherKey ? newKey() : key);
    const tls = {
      certificate: folder.join('crt'),
      key: folder.join('key'),
      clientcas: [],
      minimumtls: 'TLSv1.2',
      ciphers: undefined,
    } as const;
    const names = [
      { type: 'dns', value: machine },
      { type: 'dns', value: 'localhost' },
    ] as const;
    return checkTls(tls, at(now), names);
  }

  it('is content with plain HTTP', async () => {
    expect(levels(await checkTls(undefined, at(0), []))).toEqual(['ok']);
  });

  it('is content with one that is valid for this machine', async () => {
    expect(await examined({})).toEqual([
      { level: 'ok', message: 'the certificate is good until 2030-04-19' },
    ]);
  });

  it.each([
    ['has 22 days left', 99 - 22, 'ok', /good until/],
    ['has 20 days left', 99 - 20, 'warning', /expires on 2030-04-19, in 20 days/],
    ['has expired', 100, 'problem', /has expired on 2030-04-19/],
    ['is for the future', -2, 'problem', /not valid before 2030-01-09/],
  ])('judges one that %s', async (_, days, level, message) => {
    const [finding] = await examined({ now: issuedAt + days * dayMs });

    expect(finding?.level).toBe(level);
    expect(finding?.message).toMatch(message);
  });

  it('finds that it is for other machines', async () => {
    const findings = await examined({ machine: 'elsewhere.lan' });

    expect(levels(findings)).toEqual(['ok', 'warning']);
    expect(findings[1]?.message).toContain('none of which is this machine (elsewhere.lan)');
  });

  it('finds that the key is that of another one', async () => {
    const [finding] = await examined({ otherKey: true });

    expect(finding?.level).toBe('problem');
    expect(finding?.message).toContain('is not the key of');
  });

  it.each([
    ['crt', /holds no certificate/],
    ['key', /holds no key that can be used/],
  ])('finds that the file of the %s holds something else', async (name, message) => {
    await using folder = await TempFolder.create();
    const key = newKey();
    const authority = await CertificateAuthority.create('test', key, issuedAt);
    await writeFile(folder.join('crt'), authority.certificate);
    await writeFile(folder.join('key'), key);
    await writeFile(folder.join(name), 'something else');
    const tls = {
      certificate: folder.join('crt'),
      key: folder.join('key'),
      clientcas: [],
      minimumtls: 'TLSv1.2',
      ciphers: undefined,
    } as const;

    const [finding] = await checkTls(tls, at(issuedAt), []);

    expect(finding?.level).toBe('problem');
    expect(finding?.message).toMatch(message);
  });
});
