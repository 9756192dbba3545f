import { describe, expect, it } from 'vitest';
import { redirectFollower, redirectTarget } from '../../../src/upstream/redirect.ts';
import { ScriptedSender } from './scripted-sender.ts';

const from = new URL('https://registry.example.com/v2/a/blobs/sha256:00?x=y');
const refuse = (): string => 'refused';

describe('redirectTarget', () => {
  it.each([
    ['an absolute URL', 'https://cdn.example.net/b?sig=1', 'https://cdn.example.net/b?sig=1'],
    ['a path', '/b/c', 'https://registry.example.com/b/c'],
    ['a relative path', 'c', 'https://registry.example.com/v2/a/blobs/c'],
    ['a URL without scheme', '//cdn.example.net/b', 'https://cdn.example.net/b'],
  ])('resolves %s', (_, location, target) => {
    expect(redirectTarget(from, location, refuse).href).toBe(target);
  });

  // A registry behind a proxy that ends TLS, and does not know of it.
  it.each([
    [
      'https://registry.example.com/v2/',
      'http://registry.example.com/b?c',
      'https://registry.example.com/b?c',
    ],
    [
      'https://registry.example.com/v2/',
      'http://registry.example.com:443/b',
      'https://registry.example.com/b',
    ],
    [
      'https://registry.example.com:5443/v2/',
      'http://registry.example.com:5443/b',
      'https://registry.example.com:5443/b',
    ],
    [
      'https://registry.example.com:5443/v2/',
      'http://registry.example.com/b',
      'https://registry.example.com:5443/b',
    ],
    ['https://[fd00::5]/v2/', 'http://[fd00::5]/b', 'https://[fd00::5]/b'],
  ])('stays with https on the same host, from %s to %s', (own, location, target) => {
    expect(redirectTarget(new URL(own), location, refuse).href).toBe(target);
  });

  it('drops user information and fragment', () => {
    expect(redirectTarget(from, 'https://user:pass@cdn.example.net/b#c', refuse).href).toBe(
      'https://cdn.example.net/b',
    );
  });

  it.each([
    ['a missing Location', undefined],
    ['no URL', 'https://'],
    ['a step down to http', 'http://cdn.example.com/b'],
    ['a step down to http at another port', 'http://registry.example.com:8080/b'],
    ['a file', 'file:///etc/passwd'],
    ['data', 'data:text/plain,x'],
  ])('refuses %s', (_, location) => {
    expect(() => redirectTarget(from, location, refuse)).toThrow(
      expect.objectContaining({ kind: 'invalid' }),
    );
  });

  it('lets plain http upstreams redirect to plain http', () => {
    expect(redirectTarget(new URL('http://10.0.0.1:5000/'), 'http://10.0.0.2/', refuse).host).toBe(
      '10.0.0.2',
    );
  });
});

describe('a step from https to http', () => {
  const blob = `https://registry.example.com/v2/a/blobs/sha256:${'0'.repeat(64)}`;
  const manifest = blob.replace('/blobs/', '/manifests/');
  const location = 'http://storage.lan:9000/b?signature=s3cret';

  function follow(
    url: string,
    named: readonly string[],
  ): { sender: ScriptedSender; answer: Promise<unknown> } {
    const sender = new ScriptedSender({ status: 307, headers: { location } }, { status: 200, body: 'b' });
    const headers = { authorization: 'Bearer t', range: 'bytes=1-' };
    const redirects = redirectFollower(sender, (place) => named.includes(place.host));
    return { sender, answer: redirects.send({ method: 'GET', url: new URL(url), headers, pool: 'blob' }) };
  }

  it.each([blob, manifest])('of %s is made to a host that is named, without Authorization', async (url) => {
    const { sender, answer } = follow(url, ['storage.lan:9000']);
    await expect(answer).resolves.toMatchObject({ status: 200 });
    expect(sender.requests[1]?.url.href).toBe(location);
    expect(sender.requests[1]?.headers).toEqual({ range: 'bytes=1-' });
  });

  it('to any other host is refused in words that say what to do', async () => {
    const { sender, answer } = follow(blob, ['other.lan']);
    await expect(answer).rejects.toMatchObject({
      kind: 'invalid',
      message:
        'registry.example.com redirects from https to plain http at storage.lan:9000; ' +
        'if that is right, name it in the `redirects` of this upstream',
    });
    expect(sender.requests).toHaveLength(1);
  });

  it.each(['manifests/latest', 'tags/list', `referrers/sha256:${'0'.repeat(64)}`, ''])(
    'is not made for what no digest guards (%s)',
    async (path) => {
      const { sender, answer } = follow(`https://registry.example.com/v2/a/${path}`, ['storage.lan:9000']);
      await expect(answer).rejects.toMatchObject({ kind: 'invalid' });
      expect(sender.requests).toHaveLength(1);
    },
  );
});
