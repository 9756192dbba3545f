import { beforeEach, describe, expect, test } from 'vitest';
import { createHttpApp } from '../../../src/http/app.ts';
import { registryErrors } from '../../../src/oci/error.ts';
import { mediaTypes } from '../../../src/oci/media-type.ts';
import { FakeMirror } from '../../support/fake-mirror.ts';
import { logLines } from '../../support/log-lines.ts';
import { TestClock } from '../../support/test-clock.ts';
import { errorCode, unheld, unsupported } from './answers.ts';

let mirror = new FakeMirror();
let log = logLines();
let clock = new TestClock();
let app = createHttpApp({ mirror, logger: log.logger, clock });

beforeEach(() => {
  mirror = new FakeMirror();
  log = logLines();
  clock = new TestClock();
  app = createHttpApp({ mirror, logger: log.logger, clock });
});

async function get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Response> {
  return await app.request(path, { method, headers });
}

describe('every answer', () => {
  test.each(['/v2/', '/v2', '/v2/box/manifests/none', '/v2/nonsense', '/v2/A/tags/list', '/v2/_catalog?n=x'])(
    'of %s says which API this is',
    async (path) => {
      const response = await get(path);
      expect(response.headers.get('docker-distribution-api-version')).toBe('registry/2.0');
    },
  );

  test('has the configured headers, repeated ones too, errors included', async () => {
    const headers = { 'X-Content-Type-Options': ['nosniff'], 'X-Two': ['a', 'b'] };
    app = createHttpApp({ mirror, logger: log.logger, clock, headers });
    for (const path of ['/', '/v2/', '/nonsense']) {
      const response = await get(path);
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
      expect(response.headers.get('x-two')).toBe('a, b');
    }
  });

  test('repeats a sane request id and replaces one that is not', async () => {
    const sane = await get('/v2/', { 'X-Request-Id': 'build-17.3' });
    expect(sane.headers.get('x-request-id')).toBe('build-17.3');
    const odd = await get('/v2/', { 'X-Request-Id': 'a b"c' });
    expect(odd.headers.get('x-request-id')).toMatch(/^[\w-]+$/);
    expect(odd.headers.get('x-request-id')).not.toBe((await get('/v2/')).headers.get('x-request-id'));
  });
});

test('a configured header that cannot be sent is refused at the start', () => {
  const headers = { 'X-Bad': ['a\r\nb'] };
  expect(() => createHttpApp({ mirror, logger: log.logger, clock, headers })).toThrow(TypeError);
});

describe('the version check', () => {
  test('answers without asking the mirror', async () => {
    const response = await get('/v2/');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await response.text()).toBe('{}');
    expect(mirror.calls).toStrictEqual([]);
  });

  test('sends on those who leave out the slash', async () => {
    const response = await get('/v2');
    expect([response.status, response.headers.get('location')]).toStrictEqual([301, '/v2/']);
  });

  test('the root names the product', async () => {
    expect(await (await get('/')).text()).toContain('Entrepot');
  });
});

describe('manifests', () => {
  const bytes = Buffer.from('{"schemaVersion":2,\n  "odd" : "spacing"}');

  test('come as upstream sent them, with headers that HEAD has too', async () => {
    const digest = mirror.putManifest('library/box', 'latest', bytes);
    const whole = await get('/v2/library/box/manifests/latest');
    const head = await get('/v2/library/box/manifests/latest', {}, 'HEAD');
    expect(Buffer.from(await whole.arrayBuffer())).toStrictEqual(bytes);
    expect(await head.text()).toBe('');
    for (const response of [whole, head]) {
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe(mediaTypes.ociManifest);
      expect(response.headers.get('content-length')).toBe(String(bytes.length));
      expect(response.headers.get('docker-content-digest')).toBe(digest);
      expect(response.headers.get('etag')).toBe(`"${digest}"`);
      expect(response.headers.get('vary')).toBe('Accept');
    }
    expect([...whole.headers.keys()]).toStrictEqual([...head.headers.keys()]);
    expect(mirror.calls).toStrictEqual([
      'GET manifest library/box latest',
      'HEAD manifest library/box latest',
    ]);
  });

  test('are not sent again to those who have them', async () => {
    const digest = mirror.putManifest('box', 'v1', bytes);
    for (const tag of [`"${digest}"`, digest, `W/"${digest}"`, '*']) {
      const response = await get('/v2/box/manifests/v1', { 'If-None-Match': tag });
      expect(response.status).toBe(304);
      expect(response.headers.get('docker-content-digest')).toBe(digest);
      expect(await response.text()).toBe('');
    }
  });

  test('come only in a type that the client takes, and the refusal says which type is held', async () => {
    mirror.putManifest('box', 'v1', bytes, mediaTypes.ociIndex);
    const refused = await get('/v2/box/manifests/v1', { Accept: mediaTypes.dockerManifest });
    expect(refused.status).toBe(404);
    const body = await refused.text();
    expect(body).toContain('MANIFEST_UNKNOWN');
    expect(body).toContain(mediaTypes.ociIndex);
    const taken = await get('/v2/box/manifests/v1', {
      Accept: `${mediaTypes.dockerManifest}, ${mediaTypes.ociIndex}`,
    });
    expect(taken.status).toBe(200);
  });

  test('that are stale carry a warning', async () => {
    mirror.putManifest('box', 'v1', bytes);
    mirror.result = 'stale';
    mirror.warning = 'upstream is "down"\r\nX: y';
    const response = await get('/v2/box/manifests/v1');
    expect(response.headers.get('warning')).toBe(
      '110 entrepot "Response is Stale: upstream is  down   X: y"',
    );
    expect(response.headers.get('cache-status')).toBe('entrepot; hit; detail=stale');
  });

  test.each([
    ['hit', 'entrepot; hit'],
    ['miss', 'entrepot; fwd=miss'],
    ['joined', 'entrepot; fwd=miss; collapsed'],
  ] as const)('that are a %s say so', async (result, status) => {
    mirror.putManifest('box', 'v1', bytes);
    mirror.result = result;
    expect((await get('/v2/box/manifests/v1')).headers.get('cache-status')).toBe(status);
  });

  test('are looked for in the registry that ns names, which the answer repeats', async () => {
    mirror.putManifest('box', 'v1', bytes);
    const response = await get('/v2/box/manifests/v1?ns=GHCR.io');
    expect(response.headers.get('oci-namespace')).toBe('ghcr.io');
    expect(mirror.targets).toMatchObject([{ name: 'box', namespace: 'ghcr.io' }]);
  });

  test.each(['', 'a/b', 'x%0d%0ay', '../'])('an ns of "%s" names no registry', async (ns) => {
    const response = await get(`/v2/box/manifests/v1?ns=${ns}`);
    expect([response.status, await errorCode(response)]).toStrictEqual([404, 'NAME_UNKNOWN']);
    expect(mirror.calls).toStrictEqual([]);
  });
});

describe('paths', () => {
  test.each([
    ['/v2/Box/manifests/v1', 'NAME_INVALID'],
    ['/v2/a%2F..%2Fb/manifests/v1', 'NAME_INVALID'],
    ['/v2/a%0Ab/manifests/v1', 'NAME_INVALID'],
    ['/v2/a%ff/manifests/v1', 'NAME_INVALID'],
    ['/v2/a//b/manifests/v1', 'NAME_INVALID'],
    [`/v2/${'a'.repeat(256)}/tags/list`, 'NAME_INVALID'],
    ['/v2/box/manifests/sha256:abc', 'DIGEST_INVALID'],
    ['/v2/box/blobs/sha256:abc', 'DIGEST_INVALID'],
    [`/v2/box/blobs/md5:${'a'.repeat(32)}`, 'DIGEST_INVALID'],
    ['/v2/box/referrers/latest', 'DIGEST_INVALID'],
    ['/v2/box/tags/list?n=-1', 'PAGINATION_NUMBER_INVALID'],
  ])('%s is answered 400 %s and goes no further', async (path, code) => {
    const response = await get(path);
    expect([response.status, await errorCode(response)]).toStrictEqual([400, code]);
    expect(mirror.calls).toStrictEqual([]);
  });

  // As registry:2, zot and the OCI conformance suite have it: there cannot be a manifest under what is no
  // tag.
  test.each(['.v1', '.INVALID_MANIFEST_NAME', 'a%2Fb', 'a'.repeat(129)])(
    'a manifest is not found under %s, which is no tag, and nobody is asked for it',
    async (reference) => {
      const response = await get(`/v2/box/manifests/${reference}`);
      expect([response.status, await errorCode(response)]).toStrictEqual([404, 'MANIFEST_UNKNOWN']);
      expect(mirror.calls).toStrictEqual([]);
    },
  );

  test('a name may contain the words of the API', async () => {
    mirror.putManifest('a/manifests/b/tags/list', 'v1', Buffer.from('{}'));
    expect((await get('/v2/a/manifests/b/tags/list/manifests/v1')).status).toBe(200);
  });

  test('long nonsense comes back cut', async () => {
    const response = await get(`/v2/${'A'.repeat(5000)}/manifests/v1`);
    expect((await response.text()).length).toBeLessThan(300);
  });

  test('what is no endpoint is not found', async () => {
    for (const path of ['/v2/nonsense', '/nonsense', '/v1/repositories/box/tags']) {
      expect((await get(path)).status).toBe(404);
    }
  });
});

describe('methods', () => {
  test.each([
    ['POST', '/v2/box/manifests/v1'],
    ['PATCH', `/v2/box/blobs/${unheld}`],
    ['DELETE', '/v2/box/tags/list'],
    ['POST', '/v2/_catalog'],
    ['PUT', '/v2/'],
  ])('%s of %s is refused, naming those that do', async (method, path) => {
    const response = await get(path, {}, method);
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET, HEAD, OPTIONS');
    expect(await response.text()).toBe(unsupported);
  });

  test('an upload has no method that would do', async () => {
    const response = await get('/v2/box/blobs/uploads/1');
    expect([response.status, response.headers.get('allow')]).toStrictEqual([405, 'OPTIONS']);
  });

  test('OPTIONS succeeds without a body, for browsers', async () => {
    const response = await get('/v2/box/manifests/v1', {}, 'OPTIONS');
    expect([response.status, await response.text()]).toStrictEqual([200, '']);
    expect(response.headers.get('allow')).toBe('GET, HEAD, OPTIONS');
  });
});

describe('blobs', () => {
  test('HEAD describes a blob without opening it, ignoring ranges', async () => {
    const digest = mirror.putBlob('box', Buffer.alloc(1000));
    const response = await get(`/v2/box/blobs/${digest}`, { Range: 'bytes=1-2' }, 'HEAD');
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'accept-ranges': 'bytes',
      'cache-control': 'max-age=31536000',
      'content-length': '1000',
      'content-type': 'application/octet-stream',
      'docker-content-digest': digest,
      etag: `"${digest}"`,
    });
    expect(mirror.calls).toStrictEqual([`stat blob box ${digest}`]);
  });

  test('a blob that the client has is confirmed without opening it', async () => {
    const digest = mirror.putBlob('box', Buffer.alloc(10));
    const response = await get(`/v2/box/blobs/${digest}`, { 'If-None-Match': `"${digest}"` });
    expect(response.status).toBe(304);
    expect(mirror.calls).toStrictEqual([`stat blob box ${digest}`]);
  });

  test('a blob that the repository may not read is not confirmed', async () => {
    const response = await get(`/v2/box/blobs/${unheld}`, { 'If-None-Match': `"${unheld}"` });
    expect([response.status, await errorCode(response)]).toStrictEqual([404, 'BLOB_UNKNOWN']);
  });

  test('a range past the end is refused with the size, and the blob is closed', async () => {
    const digest = mirror.putBlob('box', Buffer.alloc(10));
    const response = await get(`/v2/box/blobs/${digest}`, { Range: 'bytes=10-' });
    expect(response.status).toBe(416);
    expect(response.headers.get('content-range')).toBe('bytes */10');
    expect(await errorCode(response)).toBe('RANGE_INVALID');
    expect(mirror.openBlobs).toBe(0);
  });
});

describe('tags', () => {
  beforeEach(() => {
    for (const tag of ['a', 'b', 'c', 'd', 'e']) mirror.putManifest('box', tag, Buffer.from(tag));
  });

  test('come whole when no page is asked for', async () => {
    const response = await get('/v2/box/tags/list');
    expect(await response.text()).toBe('{"name":"box","tags":["a","b","c","d","e"]}\n');
    expect(response.headers.get('link')).toBeNull();
  });

  test('come page by page, each linking to the next', async () => {
    const pages: unknown[] = [];
    let path: string | undefined = '/v2/box/tags/list?n=2&ns=ghcr.io';
    while (path !== undefined) {
      const response: Response = await get(path);
      pages.push(((await response.json()) as { tags: unknown }).tags);
      path = /^<(\/v2\/box\/tags\/list\?.*ns=ghcr\.io)>; rel="next"$/.exec(
        response.headers.get('link') ?? '',
      )?.[1];
    }
    expect(pages).toStrictEqual([['a', 'b'], ['c', 'd'], ['e']]);
  });

  test('a page of none is empty and links nowhere', async () => {
    const response = await get('/v2/box/tags/list?n=0');
    expect(await response.json()).toStrictEqual({ name: 'box', tags: [] });
    expect(response.headers.get('link')).toBeNull();
  });

  test('a last that is no tag still marks a place in the order', async () => {
    const response = await get('/v2/box/tags/list?last=bb');
    expect(await response.json()).toMatchObject({ tags: ['c', 'd', 'e'] });
  });

  test.each(['x', '-1', '1.5', '', '1e3', '9'.repeat(30)])('an n of "%s" is refused', async (n) => {
    const response = await get(`/v2/box/tags/list?n=${n}`);
    expect([response.status, await errorCode(response)]).toStrictEqual([400, 'PAGINATION_NUMBER_INVALID']);
  });
});

describe('the catalog', () => {
  test('lists what is held, page by page', async () => {
    for (const name of ['a', 'b/c', 'd']) mirror.putManifest(name, 'v1', Buffer.from(name));
    expect(await (await get('/v2/_catalog')).text()).toBe('{"repositories":["a","b/c","d"]}\n');
    const first = await get('/v2/_catalog?n=2');
    expect(await first.json()).toStrictEqual({ repositories: ['a', 'b/c'] });
    expect(first.headers.get('link')).toBe('</v2/_catalog?last=b%2Fc&n=2>; rel="next"');
    const last = await get('/v2/_catalog?n=2&last=b%2Fc');
    expect(await last.json()).toStrictEqual({ repositories: ['d'] });
    expect(last.headers.get('link')).toBeNull();
  });

  test('gives at most a thousand at once', async () => {
    for (let index = 0; index < 1001; index += 1) mirror.putManifest(`r${index}`, 'v1', Buffer.from('x'));
    const body = (await (await get('/v2/_catalog?n=5000')).json()) as { repositories: unknown[] };
    expect(body.repositories).toHaveLength(1000);
  });
});

describe('errors', () => {
  test('of the mirror reach the client with status, code and Retry-After', async () => {
    mirror.failure = registryErrors.tooManyRequests('upstream wants a pause', { retryAfter: 7.2 });
    const response = await get('/v2/box/manifests/v1');
    expect([response.status, response.headers.get('retry-after')]).toStrictEqual([429, '8']);
    expect(await errorCode(response)).toBe('TOOMANYREQUESTS');
  });

  test('that nobody foresaw tell the client nothing and the log everything', async () => {
    mirror.failure = new Error('password=hunter2');
    const response = await get('/v2/box/manifests/v1');
    expect(response.status).toBe(500);
    expect(await response.text()).toBe('{"errors":[{"code":"UNKNOWN","message":"internal error"}]}\n');
    expect(JSON.stringify(log.lines)).toContain('hunter2');
  });

  test('of HEAD have no body', async () => {
    const response = await get('/v2/box/manifests/none', {}, 'HEAD');
    expect([response.status, await response.text()]).toStrictEqual([404, '']);
  });
});

describe('probes', () => {
  test('health is fine as long as anything is served', async () => {
    mirror.ready = { ready: false, problems: ['the disk is full'] };
    expect((await get('/healthz')).status).toBe(200);
  });

  test('readiness names the problems', async () => {
    expect((await get('/readyz')).status).toBe(200);
    mirror.ready = { ready: false, problems: ['the disk is full'] };
    const response = await get('/readyz');
    expect(response.status).toBe(503);
    expect(await response.json()).toStrictEqual({ status: 'not ready', problems: ['the disk is full'] });
  });
});
