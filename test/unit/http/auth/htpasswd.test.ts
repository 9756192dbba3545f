import { describe, expect, test } from 'vitest';
import { AuthFileError } from '../../../../src/http/auth/auth-file-error.ts';
import { costOf, parseHtpasswd } from '../../../../src/http/auth/htpasswd.ts';

const body = 'N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy';

describe('a password file', () => {
  test.each(['2a', '2b', '2y'])('has accounts hashed with bcrypt, as $%s$ too', (version) => {
    const hash = `$${version}$05$${body}`;
    expect([...parseHtpasswd(`alice:${hash}\n`, 'f')]).toStrictEqual([['alice', hash]]);
    expect(costOf(hash)).toBe(5);
  });

  test('may have comments, empty lines and the line ends of Windows', () => {
    const text = `# accounts\r\n\r\n  alice:$2y$05$${body}\r\n#bob:plain\r\n`;
    expect([...parseHtpasswd(text, 'f').keys()]).toStrictEqual(['alice']);
  });

  test('gives an account that it has twice its last password', () => {
    const text = `alice:$2y$05$${body}\nalice:$2y$06$${body}`;
    expect(parseHtpasswd(text, 'f').get('alice')).toBe(`$2y$06$${body}`);
  });

  test.each([
    ['$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/', "is hashed with Apache's MD5"],
    ['{SHA}fEqNCco3Yq9h5ZUglD3CZJT4lBs=', 'is hashed with SHA-1'],
    ['$6$salt$secrethash', 'is hashed with SHA-512'],
    ['rqXexS6ZhobKA', 'is not hashed with bcrypt'],
    ['hunter2', 'is not hashed with bcrypt'],
    [`$2x$05$${body}`, 'is not hashed with bcrypt'],
    [`$2y$05$${body.slice(1)}`, 'is not hashed with bcrypt'],
    [`$2y$03$${body}`, 'is not hashed with bcrypt'],
  ])('with %s in it is refused, saying where, what and what to do', (hash, what) => {
    const parse = (): unknown => parseHtpasswd(`alice:$2y$05$${body}\nbob:${hash}\n`, '/etc/htpasswd');
    expect(parse).toThrow(AuthFileError);
    expect(parse).toThrow(
      `/etc/htpasswd, line 2: the password of bob ${what}; only bcrypt is taken: set it anew with: htpasswd -B /etc/htpasswd bob`,
    );
    expect(parse).not.toThrow(hash);
  });

  test('with a hash that would take minutes to check is refused', () => {
    expect(() => parseHtpasswd(`bob:$2y$31$${body}`, 'f')).toThrow(
      'line 1: the password of bob has a bcrypt cost of 31',
    );
  });

  test.each(['alice', ':hash'])('with the line "%s" is refused without showing it', (line) => {
    expect(() => parseHtpasswd(line, 'f')).toThrow('f, line 1: expected NAME:HASH');
  });
});
