import { beforeEach, describe, expect, test } from 'vitest';
import { createHttpApp } from '../../../src/http/app.ts';
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

describe('pushes and deletions', () => {
  const manifest = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, layers: [] });

  test.each([
    ['POST', '/v2/box/blobs/uploads/'],
    ['PATCH', '/v2/box/blobs/uploads/some-id'],
    ['PUT', `/v2/box/blobs/uploads/some-id?digest=${unheld}`],
    ['DELETE', '/v2/box/manifests/v1'],
    ['DELETE', `/v2/box/blobs/${unheld}`],
  ])('%s %s is refused in the words of registry:2', async (method, path) => {
    const response = await get(path, {}, method);
    expect(response.status).toBe(405);
    expect(await response.text()).toBe(unsupported);
  });

  async function put(body: string, type = mediaTypes.ociManifest): Promise<Response> {
    return await app.request('/v2/box/manifests/v1', {
      method: 'PUT',
      body,
      headers: { 'Content-Type': type },
    });
  }

  test('dockerd is told in words, since it takes the plain answer for a passing failure', async () => {
    const headers = { 'user-agent': 'docker/20.10.24 go/go1.19.8 UpstreamClient(Docker-Client/20.10.24)' };
    const response = await get('/v2/box/blobs/uploads/', headers, 'POST');
    expect(response.status).toBe(405);
    expect(await response.json()).toStrictEqual({
      errors: [
        {
          code: 'UNSUPPORTED',
          message: 'this is a pull-through mirror, which takes no pushes: push to the registry itself',
        },
      ],
    });
  });

  test('a manifest is refused, and a malformed one is answered as such', async () => {
    expect(await (await put(manifest)).text()).toBe(unsupported);
    for (const body of ['{nonsense', '', '[]', '{"layers":[{}]}', 'x'.repeat(5 * 1024 * 1024)]) {
      const response = await put(body);
      expect([response.status, await errorCode(response)]).toStrictEqual([400, 'MANIFEST_INVALID']);
    }
    expect(mirror.calls).toStrictEqual([]);
  });

  test('the log says what to do instead, at most once a minute', async () => {
    const refusals = (): unknown[] => log.lines.filter(({ msg }) => String(msg).includes('refuses pushes'));
    for (let index = 0; index < 20; index += 1) await get('/v2/box/blobs/uploads/', {}, 'POST');
    expect(refusals()).toHaveLength(1);
    await clock.advance(60_000);
    await get('/v2/box/blobs/uploads/', {}, 'POST');
    expect(refusals()).toHaveLength(2);
    expect(refusals()[1]).toMatchObject({ level: 40, name: 'box', suppressed: 19 });
  });
});
