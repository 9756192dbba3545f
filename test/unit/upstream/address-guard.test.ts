import type { LookupAddress } from 'node:dns';
import { describe, expect, it } from 'vitest';
import { AddressGuard, type HostTrust } from '../../../src/upstream/address-guard.ts';

function guardOf(url: string, redirects: readonly string[] = []): AddressGuard {
  return new AddressGuard({ urls: [new URL(url)], redirects });
}

function isAsked(guard: AddressGuard, url: string): boolean {
  try {
    guard.check(new URL(url));
    return true;
  } catch (error) {
    expect(error).toMatchObject({ name: 'UpstreamError', kind: 'invalid' });
    return false;
  }
}

/** What a connection to a host with that trust gets of the addresses that its name has. */
async function found(
  url: string,
  trust: HostTrust,
  addresses: readonly string[],
  all = true,
): Promise<string | readonly string[]> {
  const lookup = new AddressGuard({
    urls: [new URL(url)],
    redirects: [],
    lookup: (_, options, callback) => {
      expect(options.all).toBe(true);
      callback(
        null,
        addresses.map((address) => ({ address, family: 4 })),
      );
    },
  }).lookup(trust);
  const { promise, resolve, reject } = Promise.withResolvers<string | readonly LookupAddress[]>();
  lookup('host.example.com', { all }, (error, answer) => {
    if (error === null) resolve(answer);
    else reject(error);
  });
  const answer = await promise;
  return typeof answer === 'string' ? answer : answer.map(({ address }) => address);
}

describe('an upstream at a public name', () => {
  const guard = guardOf('https://registry.example.com', ['10.0.0.7:9000', 'storage.lan', '[fd00::7]']);

  it.each(['https://1.1.1.1/', 'https://cdn.example.net/', 'https://[2606:4700::1]/'])(
    'may send to %s',
    (url) => {
      expect(isAsked(guard, url)).toBe(true);
    },
  );

  it.each([
    'http://127.0.0.1:5000/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://0177.0.0.1/',
    'http://127.1/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://localhost/',
    'http://localhost./',
    'http://a.localhost/',
    'http://10.0.0.1/',
    'http://192.168.1.1/',
    'http://[fd12::1]/',
    'http://169.254.169.254/latest/meta-data/',
    'http://[::ffff:a9fe:a9fe]/',
    'http://[fe80::1]/',
    'http://100.100.100.200/',
    'http://0.0.0.0/',
    'http://0/',
  ])('may not send to %s', (url) => {
    expect(isAsked(guard, url)).toBe(false);
  });

  it('may send to private hosts that are named for it, at the port that is named', () => {
    expect(isAsked(guard, 'http://10.0.0.7:9000/')).toBe(true);
    expect(isAsked(guard, 'http://10.0.0.7/')).toBe(false);
    expect(isAsked(guard, 'http://[fd00::7]:1234/')).toBe(true);
    expect(guard.trust(new URL('https://storage.lan/'))).toBe('redirect');
    expect(guard.trust(new URL('https://other.lan/'))).toBe('unknown');
  });

  it('may not send to metadata services even if they are named for it', () => {
    expect(isAsked(guardOf('https://a.example.com', ['169.254.169.254']), 'http://169.254.169.254/')).toBe(
      false,
    );
  });

  it('is told who was not asked, and nothing of the query', () => {
    expect(() => guard.check(new URL('http://10.0.0.1/x?signature=s'))).toThrow(
      /^10\.0\.0\.1 is not asked: it is in a private network; .*`redirects`/,
    );
  });
});

describe('an upstream in a private network', () => {
  it.each([
    'https://10.0.0.1',
    'http://registry:5000',
    'https://harbor.corp',
    'http://registry.kube-system.svc.cluster.local',
    'https://[fd00::1]',
  ])('(%s) may send to private addresses, and not to this machine', (url) => {
    const guard = guardOf(url);
    expect(isAsked(guard, url)).toBe(true);
    expect(isAsked(guard, 'https://192.168.7.7/')).toBe(true);
    expect(isAsked(guard, 'https://1.1.1.1/')).toBe(true);
    expect(isAsked(guard, 'http://127.0.0.1/')).toBe(false);
    expect(isAsked(guard, 'http://169.254.169.254/')).toBe(false);
    expect(isAsked(guard, 'http://[fd00:ec2::254]/')).toBe(false);
  });

  it('at a public name may do so once it has proved to be there', () => {
    const guard = guardOf('https://registry.example.com');
    guard.proved(new URL('https://other.example.com'), '10.0.0.1');
    expect(isAsked(guard, 'https://10.0.0.2/')).toBe(false);
    guard.proved(new URL('https://registry.example.com'), '10.0.0.1');
    expect(isAsked(guard, 'https://10.0.0.2/')).toBe(true);
    guard.proved(new URL('https://registry.example.com'), '1.1.1.1');
    expect(isAsked(guard, 'https://10.0.0.2/')).toBe(false);
  });
});

describe('an upstream on this machine', () => {
  it.each(['http://127.0.0.1:5000', 'http://localhost:5000', 'http://[::1]:5000'])(
    '(%s) may send to this machine',
    (url) => {
      const guard = guardOf(url);
      expect(isAsked(guard, 'http://127.0.0.2:9000/')).toBe(true);
      expect(isAsked(guard, 'http://169.254.169.254/')).toBe(false);
    },
  );
});

describe('an upstream at a link-local address', () => {
  it('is asked there, and may send to public addresses only', () => {
    const guard = guardOf('http://169.254.1.1');
    expect(isAsked(guard, 'http://169.254.1.1/v2/')).toBe(true);
    expect(isAsked(guard, 'http://169.254.169.254/')).toBe(false);
    expect(isAsked(guard, 'http://10.0.0.1/')).toBe(false);
    expect(isAsked(guard, 'http://1.1.1.1/')).toBe(true);
  });
});

describe('a lookup', () => {
  const upstream = 'https://registry.example.com';

  it('gives out only the addresses that may be asked', async () => {
    expect(await found(upstream, 'unknown', ['10.0.0.1', '1.1.1.1', '127.0.0.1', '1.0.0.1'])).toEqual([
      '1.1.1.1',
      '1.0.0.1',
    ]);
    expect(await found(upstream, 'unknown', ['10.0.0.1', '1.1.1.1'], false)).toBe('1.1.1.1');
    expect(await found(upstream, 'redirect', ['10.0.0.1', '169.254.169.254'])).toEqual(['10.0.0.1']);
  });

  it("finds the upstream's own hosts wherever they are", async () => {
    expect(await found(upstream, 'upstream', ['127.0.0.1', '169.254.0.1'])).toEqual([
      '127.0.0.1',
      '169.254.0.1',
    ]);
  });

  it('fails when no address may be asked', async () => {
    const refused = { kind: 'invalid', message: expect.stringContaining('host.example.com') as string };
    await expect(found(upstream, 'unknown', ['10.0.0.1', '127.0.0.1'])).rejects.toMatchObject(refused);
    await expect(found(upstream, 'redirect', ['169.254.169.254'])).rejects.toMatchObject(refused);
    await expect(found(upstream, 'unknown', [])).rejects.toMatchObject(refused);
  });
});
