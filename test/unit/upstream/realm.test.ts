import { describe, expect, it } from 'vitest';
import { judgeRealm } from '../../../src/upstream/auth/realm.ts';

function trusted(upstream: string, realm: string): boolean {
  return judgeRealm(new URL(upstream), realm).trusted;
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

describe('a realm is refused', () => {
  it.each([
    ['no URL', 'https://a.example.com', 'token'],
    ['another scheme', 'https://a.example.com', 'file:///etc/passwd'],
    ['plain http for an https upstream', 'https://a.example.com', 'http://a.example.com/token'],
    ['plain http to a stranger, even for an http upstream', 'http://a.example.com', 'http://b.example.org/'],
    ['user information', 'https://a.example.com', 'https://user:secret@a.example.com/token'],
    ['a foreign address', 'https://a.example.com', 'https://169.254.169.254/token'],
    ['another loopback address', 'http://127.0.0.1:5000', 'https://127.0.0.2/token'],
    ['localhost', 'https://a.example.com', 'https://localhost/token'],
    ['a name of the local network', 'https://a.example.com', 'https://vault.internal/token'],
    ['an address in disguise', 'https://a.example.com', 'https://0x7f000001/token'],
  ])('for %s', (_, upstream, realm) => {
    expect(() => judgeRealm(new URL(upstream), realm)).toThrow(expect.objectContaining({ kind: 'invalid' }));
  });

  it('without quoting a password in it', () => {
    expect(() => judgeRealm(new URL('https://a.example.com'), 'https://u:hunter2@a.example.com/')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hunter2') as string }),
    );
  });
});
