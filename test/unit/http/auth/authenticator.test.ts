import { describe, expect, test } from 'vitest';
import { Authenticator } from '../../../../src/http/auth/authenticator.ts';
import { BasicScheme } from '../../../../src/http/auth/basic.ts';
import { challenge, groupsByUser } from '../../../../src/http/auth/auth-scheme.ts';
import { anonymous } from '../../../../src/mirror/access/reader.ts';
import { logLines } from '../../../support/log-lines.ts';
import { TestClock } from '../../../support/test-clock.ts';

/** `alice` with the password `right` is an account; each check is counted. */
function basic(passthrough = false): { readonly authenticator: Authenticator; readonly checked: string[] } {
  const checked: string[] = [];
  const check = ({ username, password }: { username: string; password: string }) => {
    checked.push(`${username}:${password}`);
    if (username !== 'alice') return Promise.resolve('unknown' as const);
    return Promise.resolve(password === 'right' ? ('right' as const) : ('wrong' as const));
  };
  const groups = groupsByUser({ staff: ['alice', 'alice'], others: ['bob'], all: ['bob', 'alice'] });
  const scheme = new BasicScheme({ realm: 'The "Mirror"', passwords: { check }, passthrough, groups });
  const deps = { closed: false, logger: logLines().logger, clock: new TestClock() };
  return { authenticator: new Authenticator({ schemes: [scheme], ...deps }), checked };
}

function header(pair: string): string {
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

describe('a login with a password', () => {
  test('is known by its name and groups', async () => {
    const { authenticator } = basic();
    expect(await authenticator.login(header('alice:right'), 'c')).toStrictEqual({
      reader: { ...anonymous, user: 'alice', groups: ['staff', 'all'] },
      outcome: 'accepted',
    });
  });

  test.each(['basic', 'BASIC', 'Basic'])('may spell its scheme %s', async (scheme) => {
    const { authenticator } = basic();
    const authorization = header('alice:right').replace('Basic', scheme);
    expect((await authenticator.login(authorization, 'c')).outcome).toBe('accepted');
  });

  test('may have colons in the password, and characters of any script', async () => {
    const { authenticator, checked } = basic();
    await authenticator.login(header('bob:a:b:ü→'), 'c');
    expect(checked).toStrictEqual(['bob:a:b:ü→']);
  });

  test('that is wrong, or of another registry, is anonymous', async () => {
    const { authenticator } = basic();
    for (const authorization of [
      header('alice:no'),
      header('moby:whale'),
      'Bearer abc',
      'Digest x',
      'x',
      '',
    ]) {
      expect(await authenticator.login(authorization, 'c')).toStrictEqual({
        reader: anonymous,
        outcome: 'refused',
      });
    }
  });

  test.each([undefined, header(':'), header('alice:'), header(':right'), header('alice'), 'Basic !'])(
    'of %j is none, which costs no check',
    async (authorization) => {
      const { authenticator, checked } = basic();
      expect(await authenticator.login(authorization, 'c')).toStrictEqual({
        reader: anonymous,
        outcome: 'none',
      });
      expect(checked).toStrictEqual([]);
    },
  );

  test('that is the client’s own elsewhere is kept for there, if the operator lets it', async () => {
    const { authenticator } = basic(true);
    expect(await authenticator.login(header('moby:whale'), 'c')).toStrictEqual({
      reader: { ...anonymous, credentials: { username: 'moby', password: 'whale' } },
      outcome: 'accepted',
    });
  });

  test('with a wrong password of an account here goes nowhere else', async () => {
    const { authenticator } = basic(true);
    expect(await authenticator.login(header('alice:no'), 'c')).toStrictEqual({
      reader: anonymous,
      outcome: 'refused',
    });
  });
});

describe('a challenge', () => {
  test('names the realm, quoted', () => {
    expect(basic().authenticator.challenges()).toStrictEqual([String.raw`Basic realm="The \"Mirror\""`]);
  });

  test('lets nothing out of its quotes, its header or its line', () => {
    expect(
      challenge('Bearer', { realm: 'a\r\nSet-Cookie: x', scope: 'b",error="c\\', error: undefined }),
    ).toBe(String.raw`Bearer realm="a??Set-Cookie: x",scope="b\",error=\"c\\"`);
  });
});
