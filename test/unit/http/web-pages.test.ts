import { beforeEach, describe, expect, test } from 'vitest';
import { createHttpApp } from '../../../src/http/app.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { FakeMirror } from '../../support/fake-mirror.ts';
import { logLines } from '../../support/log-lines.ts';
import { TestClock } from '../../support/test-clock.ts';
import { unheld } from './answers.ts';

const config = Buffer.from('{"architecture":"amd64"}');
const chromium =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';

let mirror: FakeMirror;
let app: ReturnType<typeof createHttpApp>;

beforeEach(() => {
  mirror = new FakeMirror();
  mirror.putManifest('box', 'v1', Buffer.from('{}'));
  mirror.putBlob('box', config);
  app = createHttpApp({ mirror, logger: logLines().logger, clock: new TestClock() });
});

async function head(path: string, headers: Record<string, string>): Promise<Headers> {
  return (await app.request(path, { method: 'HEAD', headers })).headers;
}

describe('who asks', () => {
  test.each([
    ['a script of another origin', { origin: 'http://ui.example' }],
    ['a script of an opaque origin', { origin: 'null' }],
    ['a script of the same origin', { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' }],
    ['somebody at the address line', { 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate' }],
    ['a script of the same origin over plain HTTP, where browsers say no more', { 'user-agent': chromium }],
  ])('%s is a web page', async (_who, headers: Record<string, string>) => {
    await head('/v2/box/manifests/v1', headers);
    expect(mirror.targets).toMatchObject([{ cachedOnly: true }]);
  });

  test.each([
    'docker/28.3.0 go/go1.24.4 kernel/6.12 os/linux arch/amd64 UpstreamClient(Docker-Client/28.3.0 \\(linux\\))',
    'containerd/2.1.3',
    'buildkit/v0.23',
    'containers/5.36.0 (github.com/containers/image)',
    'skopeo/1.18.0',
    'cri-o/1.33.0 go/go1.24 os/linux arch/amd64',
    'go-containerregistry/v0.20.6',
    'oras/1.2.3',
    'Helm/3.18.3',
    'regclient/regctl (v0.9.0)',
    'curl/8.14.1',
    'Wget/1.25.0',
    'python-requests/2.32.4',
  ])('%s is none', async (userAgent) => {
    await head('/v2/box/manifests/v1', { 'user-agent': userAgent });
    expect(mirror.targets).toMatchObject([{ cachedOnly: false }]);
  });

  test("a program that uses Node's fetch is none, though it says that it fetches", async () => {
    await head('/v2/box/manifests/v1', {
      'user-agent': 'node',
      'sec-fetch-mode': 'cors',
      'accept-language': '*',
    });
    expect(mirror.targets).toMatchObject([{ cachedOnly: false }]);
  });

  test('counts for everything that can be asked for', async () => {
    const origin = 'http://ui.example';
    for (const what of ['manifests/v1', `blobs/${digestOf(config)}`, 'tags/list', `referrers/${unheld}`]) {
      await head(`/v2/box/${what}`, { origin });
    }
    expect(mirror.targets.map(({ cachedOnly }) => cachedOnly)).toStrictEqual([true, true, true, true]);
    await app.request('/v1/search?q=box', { headers: { origin } });
    await app.request('/v1/search?q=box');
    expect(mirror.searches.map(({ cachedOnly }) => cachedOnly)).toStrictEqual([true, false]);
  });
});

describe('an answer', () => {
  const paths = [
    '/v2/box/manifests/v1',
    '/v2/box/manifests/v9',
    `/v2/box/blobs/${digestOf(config)}`,
    `/v2/box/blobs/${unheld}`,
    '/v2/box/tags/list',
    '/v2/_catalog',
  ];

  test.each(paths)('to a web page is kept by no cache for others, and asked for anew: %s', async (path) => {
    const headers = await head(path, { origin: 'http://ui.example' });
    expect(headers.get('cache-control')).toBe('private, no-cache');
    expect(headers.get('vary')).toMatch(/\bOrigin, Sec-Fetch-Site, User-Agent$/);
  });

  test.each(paths)('to others is as ever: %s', async (path) => {
    const headers = await head(path, { 'user-agent': 'containerd/2.1.3' });
    const isBlob = path.endsWith(digestOf(config));
    expect(headers.get('cache-control')).toBe(isBlob ? 'max-age=31536000' : null);
    expect(headers.get('vary') ?? '').not.toContain('Origin');
  });
});
