import { beforeEach, describe, expect, test } from 'vitest';
import { createHttpApp } from '../../../src/http/app.ts';
import { registryErrors } from '../../../src/oci/error.ts';
import { FakeMirror } from '../../support/fake-mirror.ts';
import { logLines } from '../../support/log-lines.ts';
import { TestClock } from '../../support/test-clock.ts';

let mirror: FakeMirror;
let app: ReturnType<typeof createHttpApp>;

beforeEach(() => {
  mirror = new FakeMirror();
  app = createHttpApp({ mirror, logger: logLines().logger, clock: new TestClock() });
});

describe('docker search', () => {
  test('first finds a registry that answers searches itself', async () => {
    const response = await app.request('/v1/_ping');
    expect(response.status).toBe(200);
    expect(response.headers.get('x-docker-registry-standalone')).toBe('true');
    expect(response.headers.get('x-docker-registry-version')).toMatch(/^\d/);
    expect(await response.json()).toMatchObject({ standalone: true });
  });

  test('gets results in the form of the first API', async () => {
    mirror.searchResults = [
      { name: 'nginx', description: 'web "server"', starCount: 7, isOfficial: true, isAutomated: false },
    ];
    const response = await app.request('/v1/search?q=ngin&n=25');
    expect([response.status, response.headers.get('content-type')]).toStrictEqual([200, 'application/json']);
    expect(await response.json()).toStrictEqual({
      query: 'ngin',
      num_results: 1,
      results: [
        { name: 'nginx', description: 'web "server"', star_count: 7, is_official: true, is_automated: false },
      ],
    });
    expect(response.headers.get('warning')).toBeNull();
  });

  test('is told when these are only the names that are cached', async () => {
    mirror.warning = 'Docker Hub does not answer';
    const response = await app.request('/v1/search?q=nginx');
    expect(response.headers.get('warning')).toContain('Docker Hub does not answer');
  });

  test.each([
    ['', 25],
    ['&n=7', 7],
    ['&n=0', 0],
    ['&n=100', 100],
    ['&n=100000', 100],
  ])('with "%s" asks for %i at most', async (query, limit) => {
    await app.request(`/v1/search?q=x${query}`);
    expect(mirror.calls).toStrictEqual([`search x ${limit}`]);
  });

  test.each(['', '?q=', '?q=%20', `?q=${'x'.repeat(256)}`, '?q=a%0ab', '?q=x&n=-1', '?q=x&n=many'])(
    'with "%s" is refused',
    async (query) => {
      expect((await app.request(`/v1/search${query}`)).status).toBe(400);
      expect(mirror.calls).toStrictEqual([]);
    },
  );

  test('hears why there is no answer', async () => {
    mirror.failure = registryErrors.unavailable('the store is locked');
    const response = await app.request('/v1/search?q=x');
    expect([response.status, await response.text()]).toStrictEqual([503, expect.stringContaining('locked')]);
  });

  test('needs no other endpoint of the first API', async () => {
    for (const path of ['/v1/', '/v1/users/', '/v1/repositories/x/images']) {
      expect((await app.request(path)).status).toBe(404);
    }
  });
});
