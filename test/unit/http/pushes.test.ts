import { beforeEach, describe, expect, test } from 'vitest';
import { createHttpApp } from '../../../src/http/app.ts';
import { mediaTypes } from '../../../src/oci/media-type.ts';
import { FakeMirror } from '../../support/fake-mirror.ts';
import { logLines } from '../../support/log-lines.ts';
import { TestClock } from '../../support/test-clock.ts';
import { errorCode, unheld } from './answers.ts';

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

const userAgents = [
  'docker/20.10.24 go/go1.19.8 UpstreamClient(Docker-Client/20.10.24)',
  'containerd/v2.4.2',
  'containers/5.39.2 (github.com/containers/image)',
  'buildkit/v0.34',
  'crane/v0.22.1 go-containerregistry/v0.22.1',
  'oras/1.3.6',
  'Helm/4.3.2',
];

function refusal(message: string): unknown {
  return { errors: [{ code: 'UNSUPPORTED', message }] };
}

describe('pushes and deletions', () => {
  const manifest = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, layers: [] });

  const push = refusal('this is a pull-through mirror, which takes no pushes: push to the registry itself');
  const deletion = refusal(
    'this is a pull-through mirror, which takes no deletions: delete from the registry itself',
  );

  test.each([
    ['POST', '/v2/box/blobs/uploads/', push],
    ['PATCH', '/v2/box/blobs/uploads/some-id', push],
    ['PUT', `/v2/box/blobs/uploads/some-id?digest=${unheld}`, push],
    ['DELETE', '/v2/box/blobs/uploads/some-id', push],
    ['DELETE', '/v2/box/manifests/v1', deletion],
    ['DELETE', `/v2/box/blobs/${unheld}`, deletion],
  ])('%s %s is refused in words, which every client prints', async (method, path, words) => {
    for (const userAgent of userAgents) {
      const response = await get(path, { 'user-agent': userAgent }, method);
      expect(response.status).toBe(405);
      expect(await response.json(), userAgent).toStrictEqual(words);
    }
  });

  async function put(body: string, type = mediaTypes.ociManifest): Promise<Response> {
    return await app.request('/v2/box/manifests/v1', {
      method: 'PUT',
      body,
      headers: { 'Content-Type': type },
    });
  }

  test('a manifest is refused, and a malformed one is answered as such', async () => {
    expect(await (await put(manifest)).json()).toStrictEqual(push);
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
