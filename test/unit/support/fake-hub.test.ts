import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Digest } from '../../../src/oci/digest.ts';
import { mediaTypes } from '../../../src/oci/media-type.ts';
import { makeArtifact } from '../../support/artifact.ts';
import { ask, errorCode } from '../../support/ask.ts';
import { FakeHub } from '../../support/fake-hub.ts';
import { descriptor, makeImage, makeIndex, noise } from '../../support/image.ts';
import { bearer, signedPath, token } from './hub-client.ts';

const repository = 'library/hello';
const image = makeImage({ layers: [1000, 200_000] });
const [small, large] = image.layers.map(({ digest }) => digest) as [Digest, Digest];
const manifestPath = `/v2/${repository}/manifests/latest`;

let hub: FakeHub;

beforeEach(async () => {
  hub = await FakeHub.start({ credentials: { username: 'moby', password: 'whale' } });
  hub.addImage(repository, 'latest', image);
});

afterEach(async () => {
  await hub.close();
});

describe('tokens', () => {
  test('the ping names realm and service, a manifest the scope too', async () => {
    const ping = await ask(hub.url, '/v2/');
    const manifest = await ask(hub.url, manifestPath);

    const challenge = `Bearer realm="${hub.tokenUrl}/token",service="registry.docker.io"`;
    expect([ping.status, ping.headers['www-authenticate']]).toEqual([401, challenge]);
    expect([manifest.status, manifest.headers['www-authenticate']]).toEqual([
      401,
      `${challenge},scope="repository:${repository}:pull"`,
    ]);
  });

  test('a token opens the repository it was asked for, and no other', async () => {
    hub.addImage('library/other', 'latest', image);
    const authorization = await bearer(hub, repository);

    const own = await ask(hub.url, manifestPath, authorization);
    const other = await ask(hub.url, '/v2/library/other/manifests/latest', authorization);

    expect([own.status, own.bytes.equals(image.bytes)]).toEqual([200, true]);
    expect(other.status).toBe(401);
    expect(other.headers['www-authenticate']).toContain('error="insufficient_scope"');
  });

  test('a repository that does not exist is granted a token that opens nothing', async () => {
    const answer = await ask(hub.url, '/v2/no/such/manifests/latest', await bearer(hub, 'no/such'));

    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toContain('error="insufficient_scope"');
  });

  test('a private repository opens to the right credentials only', async () => {
    hub.makePrivate(repository);
    const basic = (pair: string) => ({ authorization: `Basic ${Buffer.from(pair).toString('base64')}` });

    const stranger = await ask(hub.url, manifestPath, await bearer(hub, repository));
    const owner = await ask(hub.url, manifestPath, await bearer(hub, repository, basic('moby:whale')));
    const wrong = await ask(hub.tokenUrl, '/token?service=s', basic('moby:shark'));

    expect([stranger.status, owner.status, wrong.status]).toEqual([401, 200, 401]);
  });

  test('expired tokens are told so, and stay known as secrets', async () => {
    const value = await token(hub, repository);
    hub.expireTokens();

    const answer = await ask(hub.url, manifestPath, { authorization: `Bearer ${value}` });

    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toContain('error="invalid_token"');
    expect(hub.issuedTokens).toEqual([value]);
  });

  test('a token lives as long as the answer says', async () => {
    let now = 0;
    await using short = await FakeHub.start({ tokenLifetime: 60, now: () => now });
    short.addImage(repository, 'latest', image);
    const authorization = await bearer(short, repository);

    now = 59_999;
    expect((await ask(short.url, manifestPath, authorization)).status).toBe(200);
    now = 60_000;
    expect((await ask(short.url, manifestPath, authorization)).status).toBe(401);
  });

  test('a Basic registry takes the password itself', async () => {
    await using basic = await FakeHub.start({ auth: 'basic', credentials: { username: 'a', password: 'b' } });
    const authorization = `Basic ${Buffer.from('a:b').toString('base64')}`;

    expect((await ask(basic.url, '/v2/')).headers['www-authenticate']).toMatch(/^Basic realm=/);
    expect((await ask(basic.url, '/v2/', { authorization })).status).toBe(200);
  });
});

describe('manifests', () => {
  test('HEAD says what GET says, without the bytes', async () => {
    const authorization = await bearer(hub, repository);
    const head = await ask(hub.url, manifestPath, authorization, 'HEAD');
    const get = await ask(hub.url, manifestPath, authorization);

    const names = ['content-type', 'content-length', 'docker-content-digest', 'etag'];
    const facts = (headers: Readonly<Record<string, string>>) => names.map((name) => headers[name]);
    expect(facts(head.headers)).toEqual(facts(get.headers));
    expect(facts(head.headers)).toEqual([
      image.mediaType,
      String(image.size),
      image.digest,
      `"${image.digest}"`,
    ]);
    expect(head.bytes.length).toBe(0);
  });

  test('OCI content goes only to who names its type', async () => {
    hub.addImage(repository, 'oci', makeIndex([makeImage({ oci: true })], { oci: true }));
    const authorization = await bearer(hub, repository);
    const path = `/v2/${repository}/manifests/oci`;

    const unnamed = await ask(hub.url, path, { ...authorization, accept: mediaTypes.dockerManifestList });
    const named = await ask(hub.url, path, { ...authorization, accept: `a/b, ${mediaTypes.ociIndex}` });

    expect([unnamed.status, errorCode(unnamed)]).toEqual([404, 'MANIFEST_UNKNOWN']);
    expect(named.status).toBe(200);
  });

  test('a GET counts against the limit, a HEAD does not, and at zero a GET is refused', async () => {
    hub.setRateLimit({ limit: 100, window: 21_600, remaining: 1 });
    const authorization = await bearer(hub, repository);
    const remaining = async (method: string): Promise<readonly [number, string | undefined]> => {
      const { status, headers } = await ask(hub.url, manifestPath, authorization, method);
      return [status, headers['ratelimit-remaining']];
    };

    expect(await remaining('HEAD')).toEqual([200, '1;w=21600']);
    expect(await remaining('GET')).toEqual([200, '0;w=21600']);
    expect(await remaining('GET')).toEqual([429, '0;w=21600']);
    expect(await remaining('HEAD')).toEqual([200, '0;w=21600']);
    expect(hub.pulls).toBe(1);
  });

  test('tags move and go', async () => {
    const newer = makeImage({ seed: 2 });
    const authorization = await bearer(hub, repository);
    hub.addImage(repository, 'newer', newer);

    hub.moveTag(repository, 'latest', newer.digest);
    const moved = await ask(hub.url, manifestPath, authorization, 'HEAD');
    hub.removeTag(repository, 'latest');
    const gone = await ask(hub.url, manifestPath, authorization);

    expect(moved.headers['docker-content-digest']).toBe(newer.digest);
    expect([gone.status, errorCode(gone)]).toEqual([404, 'MANIFEST_UNKNOWN']);
  });

  test('tags are listed in pages, each linked to the next', async () => {
    for (const tag of ['c', 'a', 'b']) hub.moveTag(repository, tag, image.digest);
    const authorization = await bearer(hub, repository);

    const first = await ask(hub.url, `/v2/${repository}/tags/list?n=3`, authorization);
    const next = /^<(.+)>; rel="next"$/.exec(first.headers['link'] ?? '')?.[1] ?? '';
    const second = await ask(hub.url, next, authorization);

    expect(JSON.parse(first.bytes.toString())).toEqual({ name: repository, tags: ['a', 'b', 'c'] });
    expect(JSON.parse(second.bytes.toString())).toEqual({ name: repository, tags: ['latest'] });
    expect(second.headers['link']).toBeUndefined();
  });
});

describe('blobs', () => {
  test('the registry redirects to a signed URL on another host, which takes ranges', async () => {
    const path = await signedPath(hub, repository, small);

    const whole = await ask(hub.cdnUrl, path);
    const part = await ask(hub.cdnUrl, path, { range: 'bytes=990-' });
    const beyond = await ask(hub.cdnUrl, path, { range: 'bytes=1000-' });

    expect(new URL(hub.cdnUrl).hostname).not.toBe(new URL(hub.url).hostname);
    expect(whole.bytes.equals(image.layers[0]?.bytes ?? Buffer.alloc(0))).toBe(true);
    expect([part.status, part.headers['content-range'], part.bytes.length]).toEqual([
      206,
      'bytes 990-999/1000',
      10,
    ]);
    expect([beyond.status, beyond.headers['content-range']]).toEqual([416, 'bytes */1000']);
  });

  test('the CDN refuses a request that shows an Authorization, and a URL that is not signed', async () => {
    const path = await signedPath(hub, repository, small);

    const withSecret = await ask(hub.cdnUrl, path, { authorization: 'Bearer secret' });
    const unsigned = await ask(hub.cdnUrl, path.replace(/signature=.*/, 'signature=mine'));

    expect([withSecret.status, unsigned.status]).toEqual([400, 403]);
  });

  test('a blob is there only in a repository that has it', async () => {
    hub.addBlob('library/other', noise(10, 'other'));
    const answer = await ask(hub.url, `/v2/library/other/blobs/${small}`, await bearer(hub, 'library/other'));

    expect([answer.status, errorCode(answer)]).toEqual([404, 'BLOB_UNKNOWN']);
  });

  test('without a CDN the registry serves them itself', async () => {
    await using plain = await FakeHub.start({ auth: 'none', cdn: false });
    plain.addImage(repository, 'latest', image);

    const answer = await ask(plain.url, `/v2/${repository}/blobs/${small}`, { range: 'bytes=0-4' });

    expect([answer.status, answer.bytes.length]).toEqual([206, 5]);
  });

  test('bytes sent are counted by digest', async () => {
    const path = await signedPath(hub, repository, large);
    await ask(hub.cdnUrl, path);
    await ask(hub.cdnUrl, path, { range: 'bytes=-50' });

    expect([hub.bytesSent(large), hub.count({ server: 'cdn' })]).toEqual([200_050, 2]);
  });
});

describe('the hub as a whole', () => {
  test('down refuses and drops connections, up is back on the same port', async () => {
    const { url } = hub;
    hub.down();
    await expect(ask(hub.url, '/v2/')).rejects.toThrow('ECONNREFUSED');

    await hub.up();
    expect([hub.url, (await ask(url, '/v2/')).status]).toEqual([url, 401]);
  });

  test('requests are logged in order, and can be waited for', async () => {
    const arrival = hub.received({ server: 'registry', path: /manifests/ });
    await ask(hub.url, '/v2/');
    await ask(hub.url, `${manifestPath}?ns=docker.io`, { 'user-agent': 'test' }, 'HEAD');
    await arrival;

    expect(hub.requests.map(({ method, path, status }) => [method, path, status])).toEqual([
      ['GET', '/v2/', 401],
      ['HEAD', manifestPath, 401],
    ]);
    expect(hub.requests[1]?.query.get('ns')).toBe('docker.io');
    expect(hub.requests[1]?.headers['user-agent']).toBe('test');
  });
});

describe('referrers', () => {
  const sbom = makeArtifact({
    artifactType: 'application/vnd.example.sbom',
    subject: image,
    annotations: { 'org.example.format': 'spdx' },
  });
  const path = `/v2/${repository}/referrers/${image.digest}`;

  test('are the manifests of the repository that refer to the digest', async () => {
    hub.addArtifact(repository, sbom);
    hub.addArtifact('library/other', makeArtifact({ text: 'elsewhere', subject: image }));

    const answer = await ask(hub.url, path, await bearer(hub, repository));

    expect([answer.status, answer.headers['content-type']]).toEqual([200, mediaTypes.ociIndex]);
    expect(JSON.parse(answer.bytes.toString())).toEqual({
      schemaVersion: 2,
      mediaType: mediaTypes.ociIndex,
      manifests: [
        {
          ...descriptor(sbom),
          artifactType: 'application/vnd.example.sbom',
          annotations: { 'org.example.format': 'spdx' },
        },
      ],
    });
  });

  test('are 404 on a hub that is told not to list them', async () => {
    await using without = await FakeHub.start({ auth: 'none', referrers: false });
    without.addArtifact(repository, sbom);

    expect((await ask(without.url, path)).status).toBe(404);
  });
});
