import { describe, expect, it } from 'vitest';
import { redirectTarget } from '../../../src/upstream/redirect.ts';

const from = new URL('https://registry.example.com/v2/a/blobs/sha256:00?x=y');

describe('redirectTarget', () => {
  it.each([
    ['an absolute URL', 'https://cdn.example.net/b?sig=1', 'https://cdn.example.net/b?sig=1'],
    ['a path', '/b/c', 'https://registry.example.com/b/c'],
    ['a relative path', 'c', 'https://registry.example.com/v2/a/blobs/c'],
    ['a URL without scheme', '//cdn.example.net/b', 'https://cdn.example.net/b'],
  ])('resolves %s', (_, location, target) => {
    expect(redirectTarget(from, location).href).toBe(target);
  });

  it('drops user information and fragment', () => {
    expect(redirectTarget(from, 'https://user:pass@cdn.example.net/b#c').href).toBe(
      'https://cdn.example.net/b',
    );
  });

  it.each([
    ['a missing Location', undefined],
    ['no URL', 'https://'],
    ['a step down to http', 'http://registry.example.com/b'],
    ['a file', 'file:///etc/passwd'],
    ['data', 'data:text/plain,x'],
  ])('refuses %s', (_, location) => {
    expect(() => redirectTarget(from, location)).toThrow(expect.objectContaining({ kind: 'invalid' }));
  });

  it('lets plain http upstreams redirect to plain http', () => {
    expect(redirectTarget(new URL('http://10.0.0.1:5000/'), 'http://10.0.0.2/').host).toBe('10.0.0.2');
  });
});
