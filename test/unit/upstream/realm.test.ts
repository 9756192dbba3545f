import { describe, expect, it } from 'vitest';
import { judgeRealm } from '../../../src/upstream/auth/realm.ts';

const nobody = (): boolean => false;

function trusted(upstream: string, realm: string): boolean {
  return judgeRealm(new URL(upstream), realm, nobody).trusted;
}

describe('a realm may receive credentials', () => {
  it.each([
    ['https://registry-1.docker.io', 'https://auth.docker.io/token'],
    ['https://quay.io', 'https://quay.io/v2/auth'],
    ['https://registry.gitlab.com', 'https://gitlab.com/jwt/auth'],
    ['https://registry.example.co.uk', 'https://auth.example.co.uk/'],
    ['https://registry.corp.internal', 'https://auth.corp.internal/token'],
    ['http://127.0.0.1:5000', 'http://127.0.0.1:5001/token'],
    ['http://localhost:5000', 'http://localhost:5001/token'],
    ['http://[::1]:5000', 'http://[::1]:5001/token'],
    ['http://registry.example.com', 'https://auth.example.com/token'],
  ])('of %s when it is %s', (upstream, realm) => {
    expect(trusted(upstream, realm)).toBe(true);
  });
});

describe('a realm may be asked, but not with credentials', () => {
  it.each([
    ['another domain', 'https://registry-1.docker.io', 'https://auth.docker.io.evil.com/token'],
    ['a sibling below a public suffix', 'https://a.co.uk', 'https://b.co.uk/token'],
    ['another tenant of a private suffix', 'https://a.github.io', 'https://b.github.io/token'],
    ['a public name named by an address', 'http://127.0.0.1:5000', 'https://auth.docker.io/token'],
  ])('%s', (_, upstream, realm) => {
    expect(trusted(upstream, realm)).toBe(false);
  });
});

// Harbor and GitLab behind a proxy that ends TLS announce http://HOST/service/token.
describe('an http realm of an https upstream is asked over https', () => {
  it.each([
    ['https://a.example.com', 'http://a.example.com/service/token', 'https://a.example.com/service/token'],
    ['https://a.example.com', 'http://a.example.com:80/t', 'https://a.example.com/t'],
    ['https://a.example.com', 'http://a.example.com:443/t', 'https://a.example.com/t'],
    ['https://a.example.com:5443', 'http://a.example.com:5443/t', 'https://a.example.com:5443/t'],
    ['https://a.example.com:5443', 'http://a.example.com/t', 'https://a.example.com:5443/t'],
    ['https://10.0.0.5', 'http://10.0.0.5/t', 'https://10.0.0.5/t'],
    [
      'https://registry.example.com:5050',
      'http://gitlab.example.com/jwt/auth',
      'https://gitlab.example.com/jwt/auth',
    ],
  ])('of %s: %s', (upstream, realm, asked) => {
    const { url, trusted: isTrusted } = judgeRealm(new URL(upstream), realm, nobody);
    expect([url.href, isTrusted]).toEqual([asked, true]);
  });
});

describe('a realm that the operator has named', () => {
  const named = ({ hostname }: URL): boolean => ['10.0.0.6', 'auth.other.example'].includes(hostname);

  it.each([
    ['another address', 'http://10.0.0.5:5000', 'http://10.0.0.6:5001/token'],
    ['another address, with TLS', 'https://10.0.0.5', 'https://10.0.0.6/token'],
    ['another domain', 'https://registry.example.com', 'https://auth.other.example/token'],
  ])('may receive credentials at %s', (_, upstream, realm) => {
    expect(judgeRealm(new URL(upstream), realm, named)).toEqual({ url: new URL(realm), trusted: true });
  });

  it('may be asked over http for an https upstream, but not with credentials', () => {
    const realm = 'http://auth.other.example:8080/token';
    expect(judgeRealm(new URL('https://registry.example.com'), realm, named)).toEqual({
      url: new URL(realm),
      trusted: false,
    });
  });

  it.each([
    ['http://10.0.0.5:5000', 'http://10.0.0.7:5001/token'],
    ['https://10.0.0.5', 'https://10.0.0.7/token'],
    ['https://a.example.com', 'http://auth.example.net/token'],
  ])('is what a refusal asks for (%s, %s)', (upstream, realm) => {
    expect(() => judgeRealm(new URL(upstream), realm, named)).toThrow(
      expect.objectContaining({ message: expect.stringContaining('name it in the `redirects`') as string }),
    );
  });
});

describe('a realm is refused', () => {
  it.each([
    ['no URL', 'https://a.example.com', 'token'],
    ['another scheme', 'https://a.example.com', 'file:///etc/passwd'],
    ['plain http at another port', 'https://a.example.com', 'http://a.example.com:8080/token'],
    [
      'plain http at the port of a neighbour',
      'https://a.example.com:5443',
      'http://b.example.com:5443/token',
    ],
    ['plain http to a stranger', 'https://a.example.com', 'http://b.example.org/token'],
    ['plain http to a stranger, even for an http upstream', 'http://a.example.com', 'http://b.example.org/'],
    ['user information', 'https://a.example.com', 'https://user:secret@a.example.com/token'],
    ['a foreign address', 'https://a.example.com', 'https://169.254.169.254/token'],
    ['another loopback address', 'http://127.0.0.1:5000', 'https://127.0.0.2/token'],
    ['localhost', 'https://a.example.com', 'https://localhost/token'],
    ['a name of the local network', 'https://a.example.com', 'https://vault.internal/token'],
    ['an address in disguise', 'https://a.example.com', 'https://0x7f000001/token'],
  ])('for %s', (_, upstream, realm) => {
    expect(() => judgeRealm(new URL(upstream), realm, nobody)).toThrow(
      expect.objectContaining({ kind: 'invalid' }),
    );
  });

  it('without quoting a password in it', () => {
    expect(() =>
      judgeRealm(new URL('https://a.example.com'), 'https://u:hunter2@a.example.com/', nobody),
    ).toThrow(expect.objectContaining({ message: expect.not.stringContaining('hunter2') as string }));
  });
});
