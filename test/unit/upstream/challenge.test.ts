import { describe, expect, it } from 'vitest';
import { parseChallenges } from '../../../src/upstream/auth/challenge.ts';

function read(...lines: readonly string[]): readonly unknown[] {
  return parseChallenges(lines).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
}

describe('parseChallenges', () => {
  it("reads Docker Hub's challenge", () => {
    expect(
      read(
        'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/busybox:pull"',
      ),
    ).toEqual([
      [
        'bearer',
        {
          realm: 'https://auth.docker.io/token',
          service: 'registry.docker.io',
          scope: 'repository:library/busybox:pull',
        },
      ],
    ]);
  });

  it('keeps commas inside quoted strings', () => {
    expect(read('Bearer realm="r",scope="repository:x:pull,push"')).toEqual([
      ['bearer', { realm: 'r', scope: 'repository:x:pull,push' }],
    ]);
  });

  it('undoes escapes in quoted strings', () => {
    expect(read(String.raw`Basic realm="a \"quoted\" \\ realm"`)).toEqual([
      ['basic', { realm: String.raw`a "quoted" \ realm` }],
    ]);
  });

  it('tells several challenges of one line apart', () => {
    expect(read('Bearer realm="a", service=b, Basic realm="c"')).toEqual([
      ['bearer', { realm: 'a', service: 'b' }],
      ['basic', { realm: 'c' }],
    ]);
  });

  it('reads several lines', () => {
    expect(read('Basic realm="a"', 'Bearer realm="b"')).toEqual([
      ['basic', { realm: 'a' }],
      ['bearer', { realm: 'b' }],
    ]);
  });

  it('takes names in any case and blanks around the equals sign', () => {
    expect(read('BEARER Realm = "a" , SERVICE=b')).toEqual([['bearer', { realm: 'a', service: 'b' }]]);
  });

  it('reads a scheme without parameters and one with a token of its own', () => {
    expect(read('Negotiate', 'NTLM dGVzdA==, Basic realm="a"')).toEqual([
      ['negotiate', {}],
      ['ntlm', {}],
      ['basic', { realm: 'a' }],
    ]);
  });

  it('does not let a later parameter replace an earlier one of the same name', () => {
    expect(read('Bearer realm="a",realm="b"')).toEqual([['bearer', { realm: 'a' }]]);
  });

  it.each(['', ',,,', '=', '"', '"a,b', '"\\', 'realm="a"', '= "x", =y'])(
    'finds no challenge in %j',
    (text) => {
      expect(read(text)).toEqual([]);
    },
  );

  it('leaves out a parameter whose quoted string does not end, and keeps what stands before it', () => {
    expect(read('Bearer realm="a",service="b')).toEqual([['bearer', { realm: 'a' }]]);
  });

  it('goes on after a malformed parameter', () => {
    expect(read('Bearer realm="a"x, service="b"')).toEqual([['bearer', { service: 'b' }]]);
  });
});
